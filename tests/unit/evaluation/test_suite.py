"""Several metrics at once: each image counted once, in any order; what is wrong with one is said with its name."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pictures import draw
from safetensors.torch import save_file
from torch import Tensor

from gan_style.conditions import Alone, Label, Mix, Noise
from gan_style.errors import UserError
from gan_style.evaluation.choice import choose
from gan_style.evaluation.distributions import fid, kid
from gan_style.evaluation.suite import FEATURES, Case, Networks, Suite
from gan_style.files import images
from gan_style.networks.pretrained.vgg import load_vgg

RANDOM = Networks("random", "random", "random")


def image(number: int, size: int = 24) -> Tensor:
    return images.to_tensor(draw(number, size))


def cases(count: int = 4) -> list[Case]:
    return [Case(f"{number}.png", image(number), image(number + 50), image(number + 100)) for number in range(count)]


def test_values_are_the_metrics_of_the_images() -> None:
    suite = Suite(("l1", "psnr", "fid", "kid", "structure", "lpips"), RANDOM)
    rows = {place: suite.measure(case) for place, case in enumerate(cases())}
    real = {place: suite.describe(image(place + 200), "") for place in range(5)}
    values = suite.combine(rows, real)
    assert list(values) == ["l1", "psnr", "fid", "kid", "structure", "lpips"]
    differences = [float((case.translated - case.truth).double().abs().mean()) / 2 for case in cases() if case.truth is not None]
    assert values["l1"] == pytest.approx(sum(differences) / 4, abs=1e-7)
    sets = torch.stack([rows[place][FEATURES] for place in range(4)]), torch.stack([real[place] for place in range(5)])
    assert (values["fid"], values["kid"]) == (fid(*sets), kid(*sets))
    assert set(suite.words()) == {"fid", "kid", "structure", "lpips"}
    assert all(row["l1"].dim() == 0 and row[FEATURES].shape == (1472,) for row in rows.values())


def test_the_order_of_arrival_changes_no_bit() -> None:
    suite = Suite(("l1", "ssim", "kid"), RANDOM)
    rows = {place: suite.measure(case) for place, case in enumerate(cases())}
    real = {place: suite.describe(image(place + 200), "") for place in range(4)}
    shuffled = {place: rows[place] for place in (2, 0, 3, 1)}
    assert suite.combine(shuffled, dict(reversed(real.items()))) == suite.combine(rows, real)


def test_only_what_is_asked_for_is_loaded() -> None:
    suite = Suite(("l1", "ssim"), Networks("nowhere.pth", "nowhere.pth", "nowhere.pth"))
    assert not list(suite.parameters())
    assert set(suite.measure(cases()[0])) == {"l1", "ssim"}


def test_random_weights_are_told_with_the_keys_that_change_them() -> None:
    warning = Suite(("l1", "fid", "kid", "structure", "lpips"), RANDOM).warning()
    assert warning.startswith("fid, kid, structure, lpips: by a network with random weights")
    assert "as validation.features, validation.structure, validation.lpips (" in warning and "\n" not in warning
    assert "as --structure (" in Suite(("l1", "structure"), replace(RANDOM, prefix="--")).warning()
    assert Suite(("l1", "ssim"), RANDOM).warning() == ""


def test_weights_of_a_file_are_no_reason_to_warn(tmp_path: Path) -> None:
    save_file(dict(load_vgg("vgg16", "random")), tmp_path / "vgg.safetensors")
    assert Suite(("kid",), replace(RANDOM, features=str(tmp_path / "vgg.safetensors"))).warning() == ""


def test_a_translation_that_is_not_finite_spoils_the_value_and_no_other_metric() -> None:
    suite = Suite(("l1", "fid"), RANDOM)
    broken = replace(cases()[0], translated=torch.full((3, 24, 24), math.nan))
    rows = {0: suite.measure(broken), 1: suite.measure(cases()[1])}
    values = suite.combine(rows, {place: suite.describe(image(place), "") for place in range(2)})
    assert math.isnan(values["l1"]) and math.isnan(values["fid"])


def test_what_does_not_fit_is_said_with_its_name() -> None:
    with pytest.raises(UserError, match=r"x\.png: the translation has 24 x 24 pixels in 3 channel\(s\), its true output 30 x 30 in 3"):
        Suite(("l1",), RANDOM).measure(Case("x.png", image(0), image(1, 30)))
    with pytest.raises(UserError, match=r"x\.png: the translation has 24 x 24 pixels, its input 30 x 30"):
        Suite(("structure",), RANDOM).measure(Case("x.png", image(0), source=image(1, 30)))
    with pytest.raises(UserError, match=r"x\.png: 24 x 24 pixels are too small for ms_ssim"):
        Suite(("ms_ssim",), RANDOM).measure(Case("x.png", image(0), image(1)))
    with pytest.raises(UserError, match=r"real\.png: an image of 9 x 9 pixels is too small for layer relu5_3"):
        Suite(("fid",), RANDOM).describe(image(0, 9), "real.png")


@pytest.mark.parametrize(
    "failure", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes")]
)
def test_an_image_that_memory_does_not_hold_is_said_with_its_name(failure: RuntimeError) -> None:
    def refuse(images: Tensor) -> Tensor:
        raise failure

    suite = Suite(("fid",), RANDOM)
    assert suite.features
    suite.features.run = refuse
    for measure in (lambda: suite.measure(Case("x.png", image(0))), lambda: suite.describe(image(0), "x.png")):
        with pytest.raises(UserError, match=r"x\.png: cpu has no memory to measure it; ask for fewer metrics"):
            measure()


def test_metrics_that_make_no_sense_are_refused_with_those_that_do() -> None:
    assert choose(None, Alone(), True, "k", "pix2pix") == ("l1", "psnr", "ssim")
    assert choose(None, Alone(), False, "k", "cyclegan") == ("kid", "structure")
    assert choose(None, Noise(size=2), False, "k", "gan") == ("kid",)
    assert choose(None, Mix(names=("x",)), False, "k", "fast_style") == ("structure",)
    assert choose(None, Label(names=("x", "y")), False, "k", "stargan") == ("kid", "structure")
    assert choose(["fid", "l1"], Alone(), True, "k", "pix2pix") == ("fid", "l1")
    for requested, condition, said in (
        (
            "psnr",
            Alone(),
            "validation.metrics: psnr compares with true outputs, and the validation images are no pairs; take fid, kid, structure",
        ),
        ("l1", Noise(size=2), "l1 compares with true outputs, and the translations of m have none; take fid, kid"),
        (
            "fid",
            Mix(names=("x",)),
            "fid compares with real images of the output's domain, and the translations of m have none; take structure",
        ),
    ):
        with pytest.raises(UserError) as mistake:
            choose([requested], condition, False, "validation.metrics", "m")
        assert said in str(mistake.value)
