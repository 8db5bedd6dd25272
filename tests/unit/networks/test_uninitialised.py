"""Networks whose weights come from a file are made without values, but for their constants."""

import pytest
import torch
from torch import nn

from gan_style.networks.uninitialised import uninitialised


class Scaled(nn.Module):
    """A convolution and a constant that no file holds."""

    def __init__(self, device: str | None) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 3, 3)
        self.register_buffer("scale", torch.tensor([2.0], device=device), persistent=False)


def test_nothing_is_drawn_and_constants_have_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[torch.Tensor] = []
    monkeypatch.setattr(nn.init, "kaiming_uniform_", lambda weight, **_: drawn.append(weight))
    before = torch.get_rng_state()
    network = uninitialised(lambda: Scaled("cpu"))
    assert all(weight.is_meta for weight in drawn) and torch.equal(torch.get_rng_state(), before)
    assert {tensor.device.type for tensor in (*network.parameters(), *network.buffers())} == {"cpu"}
    assert network.get_buffer("scale").item() == 2.0
    network.load_state_dict(Scaled(None).state_dict())


def test_a_constant_without_values_is_named() -> None:
    with pytest.raises(TypeError, match="Scaled: the buffer scale is not persistent"):
        uninitialised(lambda: Scaled(None))
