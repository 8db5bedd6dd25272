"""The data set as the trainer sees it: the same batches for any number of workers, processes and interruptions."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_style.config.schema import DataConfig
from gan_style.datasets import sampling
from gan_style.datasets.dataset import TrainingSet, open_dataset
from gan_style.datasets.loading import training_loader
from gan_style.datasets.sampling import permutation
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.types import Batch, to_floats

Writer = Callable[..., None]


def config(root: Path, **changes: Any) -> DataConfig:
    return DataConfig(**{"root": str(root), "load_size": 20, "crop_size": 16, "workers": 0, **changes})


def same(first: Batch, second: Batch) -> bool:
    return (
        torch.equal(first.a, second.a)
        and torch.equal(first.b, second.b)
        and (first.keys["a"], first.keys["b"], first.slots) == (second.keys["a"], second.keys["b"], second.slots)
    )


@pytest.fixture
def pairs(tmp_path: Path, write_pairs: Writer) -> Path:
    write_pairs(tmp_path, "train", 7)
    write_pairs(tmp_path, "val", 3)
    return tmp_path


@pytest.mark.parametrize(("paired", "workers", "start"), [(True, 2, "fork"), (False, 2, "fork"), (True, 1, "spawn")])
def test_batches_do_not_depend_on_workers(pairs: Path, paired: bool, workers: int, start: str) -> None:
    alone = config(pairs)
    shared = config(pairs, workers=workers)
    expected = list(training_loader(open_dataset(alone, "train", "pairs" if paired else "domains", 3), alone, 0, 9, 2))
    loader = training_loader(open_dataset(shared, "train", "pairs" if paired else "domains", 3), shared, 0, 9, 2)
    assert loader.workers == workers
    loader.start_method = start
    got = list(loader)
    assert len(got) == len(expected) == 9
    assert all(same(*both) for both in zip(got, expected, strict=True))
    assert not torch.equal(expected[0].a, expected[7].a)


@pytest.mark.parametrize("paired", [True, False])
def test_batches_do_not_depend_on_processes_accumulation_or_interruption(pairs: Path, paired: bool) -> None:
    settings = config(pairs)
    dataset = open_dataset(settings, "train", "pairs" if paired else "domains", 3)
    whole = list(training_loader(dataset, settings, 0, 6, 4))
    late = list(training_loader(dataset, settings, 3, 6, 4))
    assert all(same(*both) for both in zip(late, whole[3:], strict=True))
    for world_size, accumulate in ((2, 1), (1, 4), (2, 2)):
        ranks = [list(training_loader(dataset, settings, 0, 6, 4, rank, world_size, accumulate)) for rank in range(world_size)]
        for step in range(6):
            parts = [ranks[rank][step * accumulate + micro] for micro in range(accumulate) for rank in range(world_size)]
            assert torch.equal(torch.cat([part.a for part in parts]), whole[step].a)
            assert torch.equal(torch.cat([part.b for part in parts]), whole[step].b)
            assert sum((part.slots for part in parts), ()) == whole[step].slots == (0, 1, 2, 3)


def test_an_epoch_shows_each_pair_once_and_the_next_one_differently(pairs: Path) -> None:
    dataset = open_dataset(config(pairs), "train", "pairs", 0)
    assert isinstance(dataset, TrainingSet) and len(dataset) == 7 and dataset.describe() == "7 pairs (folders)"
    epochs = [[dataset[epoch * 7 + n, 0] for n in range(7)] for epoch in range(2)]
    for epoch in epochs:
        assert sorted(sample.keys["a"] for sample in epoch) == [f"trainA/s{index}.png" for index in range(7)]
        assert all(sample.keys["b"] == sample.keys["a"].replace("A", "B") for sample in epoch)
    first, second = ({sample.keys["a"]: sample.images["a"] for sample in epoch} for epoch in epochs)
    assert any(not torch.equal(first[key], second[key]) for key in first), "augmentation must change from epoch to epoch"


def test_unpaired_domains_have_their_own_order_and_length(tmp_path: Path, write_pairs: Writer) -> None:
    write_pairs(tmp_path, "train", 6)
    for index in (3, 4, 5):
        (tmp_path / "trainB" / f"s{index}.png").unlink()
    dataset = open_dataset(config(tmp_path), "train", "domains", 0)
    assert len(dataset) == 6
    samples = [dataset[n, 0] for n in range(6)]
    assert sorted(sample.keys["a"] for sample in samples) == [f"trainA/s{index}.png" for index in range(6)]
    assert (
        sorted(sample.keys["b"] for sample in samples[:3])
        == sorted(sample.keys["b"] for sample in samples[3:])
        == [f"trainB/s{index}.png" for index in range(3)]
    )
    more = [dataset[n, 0] for n in range(60)]
    assert len({(sample.keys["a"], sample.keys["b"]) for sample in more}) > 10, "the pairing is random"


@pytest.mark.parametrize("paired", [True, False])
def test_the_order_of_an_epoch_is_made_in_the_training_process_alone(pairs: Path, paired: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a million images it takes tens of megabytes, which no loading process needs."""
    here = os.getpid()

    def order(*arguments: Any) -> np.ndarray:
        assert os.getpid() == here
        return permutation(*arguments)

    monkeypatch.setattr(sampling, "permutation", order)
    settings = config(pairs, workers=2)
    loader = training_loader(open_dataset(settings, "train", "pairs" if paired else "domains", 0), settings, 0, 9, 2)
    loader.start_method = "fork"  # which takes the patch along
    assert len(list(loader)) == 9


def test_the_global_generators_neither_decide_nor_move(pairs: Path) -> None:
    settings = config(pairs, workers=1)
    batches = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        before = torch.get_rng_state()
        batches.append(list(training_loader(open_dataset(settings, "train", "pairs", 0), settings, 0, 3, 2)))
        assert torch.equal(before, torch.get_rng_state())
    assert all(same(*both) for both in zip(*batches, strict=True))
    other = list(training_loader(open_dataset(settings, "train", "pairs", 1), settings, 0, 3, 2))
    assert not all(same(*both) for both in zip(other, batches[0], strict=True)), "the seed decides"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_file_ends_the_loader_with_one_line_that_names_it(pairs: Path, workers: int) -> None:
    bad = pairs / "trainB" / "s4.png"
    bad.write_bytes(bad.read_bytes()[:200])
    settings = config(pairs, workers=workers)
    with pytest.raises(UserError, match=r"^.*trainB/s4\.png: damaged or cut short .*$") as caught:
        list(training_loader(open_dataset(settings, "train", "pairs", 0), settings, 0, 7, 1))
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)


def test_mixed_sizes_in_one_batch_name_two_files(tmp_path: Path, write_pairs: Writer) -> None:
    write_pairs(tmp_path, "train", 1)
    for domain in "AB":
        images.write(tmp_path / f"train{domain}" / "large.png", np.zeros((40, 50, 3), np.uint8))
    settings = config(tmp_path, preprocess="none")
    dataset = open_dataset(settings, "train", "pairs", 0)
    with pytest.raises(UserError, match=r"(s0|large)\.png is (32 x 24|50 x 40) but .*batch_size"):
        list(training_loader(dataset, settings, 0, 1, 2))
    assert len(list(training_loader(dataset, settings, 0, 2, 1))) == 2


def test_pairs_of_different_sizes_are_refused(tmp_path: Path, write_pairs: Writer) -> None:
    write_pairs(tmp_path, "train", 1)
    images.write(tmp_path / "trainB" / "s0.png", np.zeros((24, 30, 3), np.uint8))
    with pytest.raises(UserError, match=r"trainA/s0\.png: is 32 x 24, its partner .*trainB/s0\.png is 30 x 24"):
        open_dataset(config(tmp_path), "train", "pairs", 0)[0, 0]
    assert open_dataset(config(tmp_path), "train", "domains", 0)[0, 0].images["b"].shape == (3, 16, 16)


@pytest.mark.parametrize("channels", [(3, 3), (1, 3)])
def test_aligned_files_are_cut_in_the_middle(tmp_path: Path, channels: tuple[int, int]) -> None:
    pixels = np.zeros((8, 20, 3), np.uint8)
    pixels[:, 10:] = 255
    images.write(tmp_path / "train" / "1.png", pixels)
    a, b = channels
    settings = config(tmp_path, source="aligned", preprocess="none", domain_a={"channels": a}, domain_b={"channels": b})
    for paired in (True, False):
        sample = open_dataset(settings, "train", "pairs" if paired else "domains", 0)[0, 0]
        assert sample.images["a"].shape == (a, 8, 10) and sample.images["b"].shape == (b, 8, 10)
        assert (sample.images["a"] == 0).all() and (sample.images["b"] == 255).all()
    images.write(tmp_path / "train" / "1.png", pixels[:, :19])
    with pytest.raises(UserError, match=r"1\.png: is 19 pixels wide"):
        open_dataset(settings, "train", "pairs", 0)[0, 0]


def test_palette_files_keep_their_colours_from_the_file_to_the_batch(tmp_path: Path, write_pairs: Writer, write_palette: Writer) -> None:
    write_pairs(tmp_path, "train", 2)
    for index in range(2):
        write_palette(tmp_path / "trainA" / f"s{index}.png")
    in_file = {tuple(colour) for colour in images.read(tmp_path / "trainA" / "s0.png", 3).pixels.reshape(-1, 3).tolist()}
    assert len(in_file) == 5

    def colours(settings: DataConfig) -> set[tuple[int, ...]]:
        dataset = open_dataset(settings, "train", "pairs", 0)
        pixels = [dataset[n, 0].images["a"].flatten(1).T.numpy() for n in range(6)]
        return {tuple(colour) for colour in np.concatenate(pixels).tolist()}

    assert colours(config(tmp_path)) == in_file
    assert not colours(config(tmp_path, domain_a={"labels": "no"})) <= in_file
    images.write(tmp_path / "trainA" / "s0.png", images.read(tmp_path / "trainA" / "s0.png", 3).pixels)  # the palette is lost
    assert not colours(config(tmp_path)) <= in_file
    assert colours(config(tmp_path, domain_a={"labels": "yes"})) == in_file


def test_validation_is_resized_and_nothing_else(pairs: Path) -> None:
    recolour = {"transforms": [{"name": "InvertImg", "p": 1.0}]}
    settings = config(pairs, domain_a=recolour, transforms=[{"name": "VerticalFlip", "p": 1.0}])
    validation = open_dataset(settings, "val", "pairs", 0)
    assert validation is not None and validation.paired
    assert (validation.len_a, validation.len_b) == (3, 3)
    image, key = validation.read_a(1)
    assert key == "valA/s1.png" and validation.read_b(1)[1] == "valB/s1.png"
    expected = images.resize(images.read(pairs / key, 3).pixels, 16, 16)
    np.testing.assert_array_equal(images.to_pixels(image), expected)
    whole = open_dataset(config(pairs, preprocess="none"), "val", "domains", 0)
    assert whole is not None and not whole.paired
    assert whole.read_b(0)[0].shape == (3, 24, 32)


def test_validation_may_be_missing_and_training_may_not(tmp_path: Path, write_pairs: Writer) -> None:
    write_pairs(tmp_path, "train", 1)
    assert open_dataset(config(tmp_path), "val", "pairs", 0) is None
    (tmp_path / "only.jsonl").write_text('{"a": "trainA/s0.png", "b": "trainB/s0.png", "split": "val"}')
    with pytest.raises(UserError, match="no row of split train"):
        open_dataset(config(tmp_path / "only.jsonl"), "train", "pairs", 0)


def test_a_ribbon_that_would_be_enlarged_to_gigapixels_is_named(tmp_path: Path) -> None:
    for folder in ("trainA", "trainB", "valA", "valB"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (1, 60000)).save(tmp_path / folder / "ribbon.png")
    settings = config(tmp_path, preprocess="scale_width", load_size=1000)
    validation = open_dataset(settings, "val", "domains", 0)
    assert validation is not None
    for read in (lambda: open_dataset(settings, "train", "domains", 0)[0, 0], lambda: validation.read_a(0)):
        with pytest.raises(UserError, match=r"ribbon\.png: has 1 x 60000 pixels and would be resized"):
            read()


@pytest.mark.parametrize("workers", [0, 1])
def test_images_are_sent_in_the_type_of_their_files_and_as_floats_where_types_meet(
    tmp_path: Path, write_pairs: Writer, workers: int
) -> None:
    write_pairs(tmp_path, "train", 2)
    deep = np.random.default_rng(1).integers(0, 2**16, (24, 32, 3), dtype=np.uint16)
    images.write(tmp_path / "trainB" / "s1.png", deep)
    settings = config(tmp_path, preprocess="none", flip=False, workers=workers)
    dataset = open_dataset(settings, "train", "pairs", 0)
    alone = {batch.keys["b"][0]: batch.b[0] for batch in training_loader(dataset, settings, 0, 2, 1)}
    assert alone["trainB/s0.png"].dtype == torch.uint8 and alone["trainB/s1.png"].dtype == torch.uint16
    (both,) = training_loader(dataset, settings, 0, 1, 2)
    assert both.a.dtype == torch.uint8 and both.b.dtype == torch.float32
    for key, image in zip(both.keys["b"], both.b, strict=True):
        assert torch.equal(image, images.to_tensor(images.read(tmp_path / key, 3).pixels))
        assert torch.equal(image, to_floats(alone[key]))
