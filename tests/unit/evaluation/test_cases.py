"""What is translated and compared, in which order, and how results are rounded."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import draw_folders
from torch import Tensor

from gan_style.conditions import Alone, Exemplar, Noise
from gan_style.config.schema import DataConfig
from gan_style.datasets.dataset import ValidationSet
from gan_style.datasets.spread import spread
from gan_style.errors import UserError
from gan_style.evaluation.cases import Cases, as_written, open_validation_set, translations
from gan_style.evaluation.suite import Networks, Suite
from gan_style.files import images
from gan_style.types import Needs


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("data"), train=1, val=5)


def validation(root: Path, needs: Needs = "pairs") -> ValidationSet:
    return open_validation_set(DataConfig(root=str(root), load_size=16, crop_size=16), needs, None, "validation.metrics")


def test_places_are_spread_evenly() -> None:
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(3, None) == spread(3, 9) == [0, 1, 2]


def test_results_are_what_a_file_would_give_back(tmp_path: Path) -> None:
    translated = torch.rand(3, 9, 7, generator=torch.Generator().manual_seed(0)) * 2.4 - 1.2
    images.write(tmp_path / "x.png", images.to_pixels(translated))
    assert torch.equal(as_written(translated), images.to_tensor(images.read(tmp_path / "x.png", 3).pixels))
    assert as_written(torch.tensor([[[0.0, float("nan")]]])).isnan().all()


def test_pairs_come_with_their_truth(root: Path) -> None:
    cases = Cases(validation(root), "a2b", Alone(), truths=True, limit=3)
    question = cases.question(cases.places[1])
    assert question.truth is not None
    assert question.name.startswith("valA/")
    torch.testing.assert_close(question.truth, -question.source.roll(1, 0))  # as `draw_folders` makes B of A
    backwards = Cases(validation(root), "b2a", Alone(), truths=True).question(1)
    assert torch.equal(backwards.source, question.truth) and backwards.truth is not None and torch.equal(backwards.truth, question.source)
    (place, case), *rest = translations(cases, cases.places, torch.nn.Identity(), torch.device("cpu"), "")
    assert (place, len(rest)) == (cases.places[0], 2)
    assert torch.equal(case.translated, cases.question(place).source)


def test_unpaired_images_have_none(root: Path) -> None:
    unpaired = validation(root, "domains")
    assert Cases(unpaired, "a2b", Alone()).question(0).truth is None
    with_style = Cases(unpaired, "a2b", Exemplar()).question(2)
    assert with_style.truth is None
    assert torch.equal(with_style.inputs[0], unpaired.read_a(2)[0]) and torch.equal(with_style.inputs[1], unpaired.read_b(2)[0])


def test_noise_is_compared_with_domain_a(root: Path) -> None:
    noise = Noise(size=5)
    cases = Cases(validation(root, "images"), "a2b", noise, seed=7)
    assert torch.equal(cases.question(3).inputs[0], noise.latent(7, -4))
    assert cases.read_real(1)[1].startswith("valA/")


def test_pairs_are_found_for_a_method_that_needs_none_and_missed_where_there_are_none(root: Path, tmp_path: Path) -> None:
    data = DataConfig(root=str(root), load_size=16, crop_size=16)
    assert open_validation_set(data, "domains", ["l1"], "validation.metrics").paired
    assert not open_validation_set(data, "domains", ["fid"], "validation.metrics").paired
    unpaired = draw_folders(tmp_path / "unpaired", train=1, val=2)
    (unpaired / "valB/000.png").rename(unpaired / "valB/other.png")
    data = DataConfig(root=str(unpaired), load_size=16, crop_size=16)
    with pytest.raises(UserError, match=r"validation\.metrics: l1 need validation images in pairs \(.*000\.png: no file of this stem"):
        open_validation_set(data, "domains", ["l1"], "validation.metrics")
    none = draw_folders(tmp_path / "none", train=1, val=0)
    with pytest.raises(UserError, match="has no validation images to measure"):
        open_validation_set(DataConfig(root=str(none)), "pairs", None, "validation.metrics")


@pytest.mark.parametrize(
    "failure", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes")]
)
def test_an_image_that_is_too_large_for_the_device_is_said(root: Path, failure: RuntimeError) -> None:
    class Huge(torch.nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            raise failure

    cases = Cases(validation(root), "a2b", Alone())
    with pytest.raises(UserError, match=r"valA/000\.png: cpu has no memory to translate it whole.*; take a nap"):
        next(translations(cases, cases.places, Huge(), torch.device("cpu"), "take a nap"))


def test_one_image_is_too_few_for_a_set(root: Path, tmp_path: Path) -> None:
    suite = Suite(("kid",), Networks("random", "random", "random"))
    with pytest.raises(UserError, match=r"fid and kid need two images of each domain or more.*; raise validation\.images"):
        Cases(validation(root), "a2b", Alone(), limit=1).check(suite)
    alone = validation(draw_folders(tmp_path / "alone", train=1, val=1))
    with pytest.raises(UserError, match=r"fid and kid need two images of each domain or more.*; add validation images"):
        Cases(alone, "a2b", Alone(), limit=1).check(suite)
    Cases(validation(root), "a2b", Alone(), limit=2).check(suite)


@pytest.mark.parametrize(
    ("size", "metrics", "truths", "said"),
    [
        (10, ("ssim",), True, "10 x 10 pixels are too small for ssim, which needs 11"),
        (170, ("l1", "ms_ssim"), True, "170 x 170 pixels are too small for ms_ssim, which needs 176"),
        (15, ("fid",), False, "an image of 15 x 15 pixels is too small for layer relu5_3, which needs 16"),
        (7, ("structure",), False, "an image of 7 x 7 pixels is too small for layer relu4_1, which needs 8"),
        (15, ("lpips",), True, "an image of 15 x 15 pixels is too small for layer relu5_3, which needs 16"),
    ],
)
def test_images_that_are_too_small_are_said_at_the_start(size: int, metrics: tuple[str, ...], truths: bool, said: str, root: Path) -> None:
    suite = Suite(metrics, Networks("random", "random", "random"))
    for pixels in (size, size + 6):
        opened = open_validation_set(DataConfig(root=str(root), load_size=pixels, crop_size=pixels), "pairs", None, "validation.metrics")
        cases = Cases(opened, "a2b", Alone(), truths)
        if pixels == size:
            with pytest.raises(UserError, match=rf"val[AB]/000\.png: {said}"):
                cases.check(suite)
        else:
            cases.check(suite)


def test_a_side_by_side_file_is_decoded_once(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        halves = [images.read(root / f"val{domain}" / f"{number:03d}.png", 3).pixels for domain in "AB"]
        for split in ("train", "val"):
            images.write(tmp_path / split / f"{number:03d}.png", np.concatenate(halves, axis=1))
    read, opened = images.read, []
    monkeypatch.setattr(images, "read", lambda path, channels, **how: opened.append(path) or read(path, channels, **how))
    question = Cases(validation(tmp_path), "b2a", Alone(), truths=True).question(1)
    assert opened == [tmp_path / "val/001.png"]
    expected = Cases(validation(root), "b2a", Alone(), truths=True).question(1)
    assert question.truth is not None and expected.truth is not None
    assert torch.equal(question.source, expected.source) and torch.equal(question.truth, expected.truth)
