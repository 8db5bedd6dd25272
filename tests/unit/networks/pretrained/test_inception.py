"""FID's feature network against torchvision's, and against what FID's graph pools otherwise."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.networks.pretrained.inception import InceptionFeatures

FILE = Path("inception.pth")


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    """torchvision's Inception v3 with random weights and statistics, ending in its last pooling."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.inception_v3(weights=None, init_weights=False, transform_input=False).eval()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None and layer.running_var is not None:
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
                layer.weight.data.uniform_(0.8, 1.6)
    network.fc = nn.Identity()  # type: ignore[assignment]
    return network.requires_grad_(False)


def images(side: int = 299) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_torchvisions_weights_give_torchvisions_features(reference: nn.Module) -> None:
    expected = reference(images())
    got = InceptionFeatures.load(reference.state_dict(), FILE)(images())
    assert got.shape == (1, 2048)
    assert expected.std() > 0.01
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


def test_the_variant_of_fid_pools_otherwise(reference: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier of 1008 classes marks it: averages that do not count the padding, a maximum in the last block."""
    stored = {**reference.state_dict(), "fc.weight": torch.zeros(1008, 2048)}
    got = InceptionFeatures.load(stored, FILE)(images())
    average = F.avg_pool2d

    def without_padding(x: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        if x.shape[1] == 2048:  # the last block alone is given that many channels
            return F.max_pool2d(x, 3, stride=1, padding=1)
        return average(x, *arguments, **keywords, count_include_pad=False)

    monkeypatch.setattr(torchvision.models.inception.F, "avg_pool2d", without_padding)
    expected = reference(images())
    monkeypatch.undo()
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(got, reference(images()), rtol=1e-2)


def test_images_of_any_size_are_scaled(reference: nn.Module) -> None:
    network = InceptionFeatures.load(reference.state_dict(), FILE)
    scaled = F.interpolate(images(64), size=(299, 299), mode="bilinear", align_corners=False)
    assert torch.equal(network(images(64)), network(scaled))


def test_a_file_of_something_else_is_named(reference: nn.Module) -> None:
    stored = dict(reference.state_dict())
    del stored["Mixed_6c.branch7x7_2.bn.running_var"]
    with pytest.raises(
        UserError, match=r"inception\.pth: not the weights of Inception v3: Mixed_6c\.branch7x7_2\.bn\.running_var is missing"
    ):
        InceptionFeatures.load(stored, FILE)
