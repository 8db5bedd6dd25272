"""A segmenter learns the classes of real pairs, is kept in a file, and says what is wrong with any other."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gan_style.bundles.file import Resize
from gan_style.datasets.dataset import open_dataset
from gan_style.datasets.reading import read_domain
from gan_style.demo.sets import draw_paired
from gan_style.demo.street_map import PALETTE
from gan_style.errors import UserError
from gan_style.evaluation.task import training
from gan_style.evaluation.task.network import SegmentationNet
from gan_style.evaluation.task.score import TaskScore
from gan_style.evaluation.task.segmenter import METADATA_KEY, Segmenter, check_place, load_segmenter, save_segmenter
from gan_style.evaluation.task.training import cross_entropy, label_data, train_segmenter
from gan_style.files import images
from gan_style.label_maps.classes import IGNORED

CPU = torch.device("cpu")
RESIZE = Resize(preprocess="resize_and_crop", load_size=36, crop_size=32)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "paired"
    draw_paired(root, train=12, val=4, size=64)
    return root


def train(root: Path, steps: int = 100) -> Segmenter:
    return train_segmenter(label_data(str(root), "a2b", RESIZE), "a2b", RESIZE, CPU, steps, base_channels=8)


@pytest.fixture(scope="module")
def segmenter(root: Path) -> Segmenter:
    return train(root)


def test_it_recognises_the_real_photos_and_not_others(root: Path, segmenter: Segmenter) -> None:
    data = label_data(str(root), "a2b", RESIZE)
    assert set(segmenter.classes.colours) <= set(PALETTE)
    validation = open_dataset(data, "val", "pairs", 0)
    assert validation is not None
    task = TaskScore(segmenter)
    for place in range(validation.len_a):
        labels = read_domain(validation.source, data, "a", place).pixels
        photo, _ = validation.read_b(place)
        task.add(labels, photo, -photo.flip(1))
    scores = task.scores()
    assert scores["real"]["pixel_accuracy"] > 0.4
    assert scores["real"]["mean_iou"] > 2 * scores["translated"]["mean_iou"]
    assert task.real.counts.sum() == validation.len_a * 32 * 32


def test_the_same_arguments_give_the_same_bits_and_leave_the_generator_alone(root: Path) -> None:
    state = torch.get_rng_state()
    first = train(root, 3)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(5)
    second = train(root, 3)
    weights = [segmenter.network.state_dict() for segmenter in (first, second)]
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())


def test_what_was_kept_is_what_was_trained(segmenter: Segmenter, tmp_path: Path) -> None:
    path = tmp_path / "kept" / "segmenter.safetensors"
    check_place(path)
    assert not path.parent.exists()
    save_segmenter(path, segmenter)
    kept = load_segmenter(path, CPU)
    assert kept.info == segmenter.info
    picture = torch.rand(3, 33, 47, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert np.array_equal(kept(picture), segmenter(picture))
    assert kept(picture).shape == (33, 47)


@pytest.mark.parametrize("place", ["/proc/s.safetensors", "{file}/s.safetensors", "{folder}"])
def test_a_place_that_cannot_be_written_is_said_before_training(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--segmenter .*: cannot be written \(.*\); choose another place"):
        check_place(Path(place.format(file=tmp_path / "file", folder=tmp_path)))


def test_a_translation_is_read_at_the_scale_of_its_photo(root: Path, segmenter: Segmenter) -> None:
    """The photo itself, as large as in its file, is a perfect translation."""
    validation = open_dataset(label_data(str(root), "a2b", RESIZE), "val", "pairs", 0)
    assert validation is not None
    task = TaskScore(segmenter)
    for place in range(validation.len_a):
        pair = validation.read_pair(place)
        photo = images.to_tensor(pair["b"].pixels)
        assert photo.shape == (3, 64, 64)
        task.add(pair["a"].pixels, validation.sized(pair["b"]), photo)
    assert np.array_equal(task.real.counts, task.translated.counts)


@pytest.mark.parametrize(("preprocess", "crop"), [("none", 20), ("crop", 20), ("scale_width", 15), ("scale_width_and_crop", 15)])
def test_images_of_any_size_are_cropped_alike(preprocess: Any, crop: int, tmp_path: Path) -> None:
    """A batch of crops that all images are large enough for, whatever `preprocess` would make of them."""
    for split, number, height, width in (("train", 0, 48, 64), ("train", 1, 40, 20), ("train", 2, 30, 64), ("val", 0, 40, 40)):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[: height // 2] = 255
        for domain in "AB":
            images.write(tmp_path / f"{split}{domain}" / f"{number}.png", pixels)
    resize = Resize(preprocess=preprocess, load_size=32, crop_size=32)
    data = label_data(str(tmp_path), "a2b", resize)
    sizes: list[torch.Size] = []

    def watch(scores: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        sizes.append(truth.shape)
        return cross_entropy(scores, truth)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "cross_entropy", watch)
        trained = train_segmenter(data, "a2b", resize, CPU, 2, base_channels=8)
    assert sizes == [(training.BATCH_SIZE, crop, crop)] * 2
    assert trained.info.resize == resize


def test_a_device_without_memory_is_one_line(root: Path, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(SegmentationNet, "forward", refuse)
    with pytest.raises(UserError, match="cpu has no memory to segment 47 x 33 pixels"):
        segmenter(torch.zeros(3, 33, 47))
    with pytest.raises(UserError, match="--segmenter: cpu has no memory to train on 8 crops of 32 pixels"):
        train(root, 1)


def test_photos_may_be_domain_a(tmp_path: Path) -> None:
    root = tmp_path / "swapped"
    draw_paired(root, train=3, val=1, size=32)
    for split in ("train", "val"):
        (root / f"{split}A").rename(root / "other")
        (root / f"{split}B").rename(root / f"{split}A")
        (root / "other").rename(root / f"{split}B")
    trained = train_segmenter(label_data(str(root), "b2a", RESIZE), "b2a", RESIZE, CPU, 1, base_channels=8)
    assert set(trained.classes.colours) <= set(PALETTE)


def test_pixels_that_do_not_count_have_no_gradient() -> None:
    scores = torch.zeros(1, 3, 2, 2, requires_grad=True)
    truth = torch.tensor([[[0, IGNORED], [IGNORED, 2]]])
    loss = cross_entropy(scores, truth)
    assert loss.item() == pytest.approx(np.log(3))
    loss.backward()
    assert scores.grad is not None
    assert torch.equal(scores.grad[0, :, 0, 1], torch.zeros(3)) and scores.grad[0, 0, 0, 0] < 0
    assert cross_entropy(scores, torch.full((1, 2, 2), IGNORED)).item() == 0.0


def test_the_network_keeps_any_size() -> None:
    network = SegmentationNet(5, base_channels=8, num_downs=3)
    for height, width in ((1, 1), (17, 30), (64, 40)):
        assert network(torch.zeros(2, 3, height, width)).shape == (2, 5, height, width)


def test_other_files_are_named(segmenter: Segmenter, tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    save_segmenter(whole, segmenter)
    tensors = load_file(whole)
    (tmp_path / "text.safetensors").write_text("nothing")
    (tmp_path / "cut.safetensors").write_bytes(whole.read_bytes()[:-10])
    save_file(tensors, tmp_path / "bare.safetensors")
    info = json.loads(segmenter.info.model_dump_json())
    save_file(tensors, tmp_path / "wide.safetensors", {METADATA_KEY: json.dumps({**info, "base_channels": 16})})
    save_file(tensors, tmp_path / "colours.safetensors", {METADATA_KEY: json.dumps({**info, "colours": [[1, 2]]})})
    sizes = {"preprocess": "resize_and_crop", "load_size": 32, "crop_size": 36}
    save_file(tensors, tmp_path / "sizes.safetensors", {METADATA_KEY: json.dumps({**info, "resize": sizes})})
    (tmp_path / "folder.safetensors").mkdir()
    for name, said in (
        ("text", "no segmenter"),
        ("cut", "no segmenter"),
        ("bare", "no segmenter"),
        ("wide", "do not fit the network"),
        ("colours", r"metadata is damaged \(colours"),
        ("sizes", r"metadata is damaged \(resize: .*crop_size 36 is larger than load_size 32"),
        ("folder", "cannot be read"),
    ):
        with pytest.raises(UserError, match=rf"--segmenter .*{name}\.safetensors.*{said}") as mistake:
            load_segmenter(tmp_path / f"{name}.safetensors", CPU)
        assert "\n" not in str(mistake.value)


def test_a_map_and_its_photo_stay_together_in_training(root: Path) -> None:
    """The crop and the mirroring of a batch are those of its label maps: the segmenter would learn nothing otherwise."""
    data = label_data(str(root), "a2b", RESIZE)
    dataset = open_dataset(data, "train", "pairs", 0)
    sample = dataset[(5, 0)]
    colours = {tuple(pixel) for pixel in sample.images["a"].flatten(1).T.tolist()}
    assert colours <= set(PALETTE), "labels were mixed"
