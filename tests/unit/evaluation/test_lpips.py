"""LPIPS against torchmetrics' network with the same weights, and against its definition."""

import random
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor
from torchmetrics.functional.image.lpips import _LPIPS

from gan_style.errors import UserError
from gan_style.evaluation.lpips import LPIPS, _linear_file
from gan_style.networks.pretrained.vgg import VGGFeatures


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of AlexNet with random weights."""
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.alexnet(weights=None)
    torch.save({key: value for key, value in network.state_dict().items() if key.startswith("features.")}, path)
    return path


def linear(whose: str) -> dict[str, Tensor]:
    return torch.load(_linear_file(whose), map_location="cpu", weights_only=True)


def images(seed: int, height: int = 70, width: int = 91) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_alexnet_gives_torchmetrics_value(alexnet: Path) -> None:
    reference = _LPIPS(pretrained=False, net="alex", pnet_rand=True)
    missing = reference.net.load_state_dict(_sliced(torch.load(alexnet, weights_only=True)))
    assert not missing.missing_keys
    reference.load_state_dict(linear("alex"), strict=False)
    ours = LPIPS(str(alexnet), "validation.lpips")
    assert "AlexNet" in ours.words
    for seed in range(3):
        one, other = images(seed), images(seed + 10)
        expected = float(reference(one, other))
        assert expected > 1e-3
        assert float(ours(one, other)) == pytest.approx(expected, rel=1e-4)
    assert float(ours(one, one)) == 0.0


def _sliced(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's names -> those of torchmetrics' slices."""
    slices = {"0": 1, "3": 2, "6": 3, "8": 4, "10": 5}
    return {f"slice{slices[key.split('.')[1]]}.{key.removeprefix('features.')}": value for key, value in stored.items()}


def test_vgg_gives_its_definition_written_out() -> None:
    """One pixel and one channel at a time."""
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
    one, other = images(1, 16, 20), images(2, 16, 20)
    vgg = VGGFeatures("vgg16", layers, "random")
    learned = linear("vgg")
    expected = 0.0
    for number, layer in enumerate(layers):
        x, y = vgg(one)[layer][0].double(), vgg(other)[layer][0].double()  # [C, h, w]
        weight = learned[f"lin{number}.model.1.weight"].flatten().double()
        places = [(i, j) for i in range(x.shape[1]) for j in range(x.shape[2])]
        random.Random(0).shuffle(places)
        distances = [float((weight * (x[:, i, j] / x[:, i, j].norm() - y[:, i, j] / y[:, i, j].norm()) ** 2).sum()) for i, j in places]
        expected += sum(distances) / len(distances)
    assert float(LPIPS("random", "validation.lpips")(one, other)) == pytest.approx(expected, rel=1e-4)


def test_gray_and_alpha() -> None:
    network = LPIPS("random", "validation.lpips")
    one, other = images(1, 16, 16), images(2, 16, 16)
    gray = network(one[:, :1], other[:, :1])
    assert torch.equal(gray, network(one[:, :1].repeat(1, 3, 1, 1), other[:, :1].repeat(1, 3, 1, 1)))
    assert torch.equal(network(torch.cat([one, other[:, :1]], 1), other), network(one, other))


def test_the_linear_weights_are_none_negative() -> None:
    """They are squares: a distance must not become negative."""
    for whose in ("alex", "vgg"):
        assert len(linear(whose)) == 5
        assert all(bool((weight >= 0).all()) for weight in linear(whose).values())


def test_a_choice_names_its_network(alexnet: Path) -> None:
    assert LPIPS("random", "validation.lpips").words == "VGG-16, random weights"
    assert LPIPS(str(alexnet), "validation.lpips").words == "AlexNet, alexnet.pth"


def test_an_image_too_small_is_said(alexnet: Path) -> None:
    for choice, least in ((str(alexnet), 31), ("random", 16)):
        network = LPIPS(choice, "validation.lpips")
        assert torch.isfinite(network(images(1, least, least), images(2, least, least)))
        with pytest.raises(UserError, match=rf"an image of 40 x {least - 1} pixels is too small for .*, which needs {least}"):
            network(images(1, least - 1, 40), images(2, least - 1, 40))


def test_nothing_is_drawn_from_the_global_generator(alexnet: Path) -> None:
    """Validation must not change the numbers of the training around it."""
    before = torch.get_rng_state()
    for choice in (str(alexnet), "random"):
        assert not any(parameter.requires_grad for parameter in LPIPS(choice, "validation.lpips").parameters())
    assert torch.equal(torch.get_rng_state(), before)
