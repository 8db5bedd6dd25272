"""Statistics that the frames of a video share."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_bundles import RESNET_INSTANCE, UNET_BATCH, tiny_bundle
from torch import Tensor, nn

from gan_style.errors import UserError
from gan_style.networks.layers.conditional import ConditionalInstanceNorm2d
from gan_style.networks.layers.normalisation import InstanceNorm2d, PerImageBatchNorm2d
from gan_style.tiling import shared
from gan_style.tiling.shared import SharedStatistics
from gan_style.translation.predictor import Predictor


def frames(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, 16, 20, generator=generator) * torch.rand(count, 3, 1, 1, generator=generator) * 2 - 1


def test_the_first_frame_is_normalised_by_itself_and_the_next_ones_by_an_average(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "MEMORY", 4)
    norms = SharedStatistics(nn.Sequential(InstanceNorm2d()))
    x = frames(3)
    torch.testing.assert_close(norms.network(x[:1]), InstanceNorm2d()(x[:1]), rtol=1e-5, atol=1e-5)
    norms.network(x[1:2])
    last = norms.network(x[2:])
    mean, square = (values.double().mean(dim=(2, 3)) for values in (x, x.double().square()))  # [3, C]
    shares = torch.tensor([[9 / 16], [3 / 16], [1 / 4]], dtype=torch.float64)
    mean, square = ((shares * each).sum(0)[:, None, None] for each in (mean, square))
    expected = (x[2:].double() - mean) / (square - mean.square() + 1e-5).sqrt()
    torch.testing.assert_close(last.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("generator", [RESNET_INSTANCE, UNET_BATCH], ids=["instance", "batch"])
def test_a_division_into_batches_changes_nothing(tmp_path: Path, generator: dict[str, Any]) -> None:
    network = Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors", generator), "cpu").network
    x, results = frames(6), []
    for sizes in ((1,) * 6, (4, 2), (6,)):
        norms = SharedStatistics(network)
        results.append(torch.cat([norms.network(part) for part in x.split(sizes)]))
    torch.testing.assert_close(results[1], results[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(results[2], results[0], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(results[0][-1:], network(x[-1:]), atol=1e-3), "shared statistics are others than its own"
    torch.testing.assert_close(results[0][:1], network(x[:1]), rtol=1e-4, atol=1e-4)


def test_reset_forgets_and_load_goes_on(tmp_path: Path) -> None:
    norms = SharedStatistics(Predictor.load(tiny_bundle(tmp_path / "a2b.safetensors"), "cpu").network)
    x = frames(4)
    fresh = norms.network(x[3:])
    norms.reset()
    for frame in x[:3].split(1):
        norms.network(frame)
    state = norms.state()
    later = norms.network(x[3:])
    norms.reset()
    assert norms.state() == {} and torch.equal(norms.network(x[3:]), fresh)
    norms.load(state)
    assert torch.equal(norms.network(x[3:]), later)
    norms.load({})
    assert torch.equal(norms.network(x[3:]), fresh)


@pytest.mark.parametrize("shares", ["none", "one", "pixels"])
def test_styles_keep_their_scales_and_shifts(shares: str) -> None:
    layer = ConditionalInstanceNorm2d(3, 2)
    with torch.no_grad():
        layer.weight.uniform_(0.5, 2)
        layer.bias.uniform_(-1, 1)
    styles = {"none": None, "one": torch.tensor([[0.3, 0.7]]), "pixels": torch.rand(1, 2, 16, 20).softmax(1)}[shares]

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = layer

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(x, styles)

    x = frames(1)
    torch.testing.assert_close(SharedStatistics(Network()).network(x), layer(x, styles), rtol=1e-4, atol=1e-4)


def test_the_scale_and_the_shift_of_a_batch_normalisation_stay() -> None:
    layer = PerImageBatchNorm2d(3)
    with torch.no_grad():
        layer.weight.uniform_(0.5, 2)
        layer.bias.uniform_(-1, 1)
    torch.testing.assert_close(SharedStatistics(nn.Sequential(layer)).network(frames(1)), layer(frames(1)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (nn.Sequential(nn.Conv2d(3, 3, 1)), "does not normalise a picture by the picture's own statistics"),
        (nn.Sequential(nn.BatchNorm2d(3)), "does not normalise a picture by the picture's own statistics"),
        (nn.Sequential(nn.GroupNorm(1, 3)), r"the statistics of 0 \(GroupNorm\) cannot be shared"),
    ],
)
def test_networks_that_have_nothing_to_share_are_refused(network: nn.Module, words: str) -> None:
    with pytest.raises(UserError, match=f"--statistics shared: .*{words}"):
        SharedStatistics(network)
