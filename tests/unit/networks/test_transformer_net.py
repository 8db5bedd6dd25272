"""The image transformation network."""

import pytest
import torch

from gan_style.networks.generators.transformer_net import TransformerNet, TransformerNetConfig


@pytest.mark.parametrize("values", ["signed", "bytes"])
@pytest.mark.parametrize("size", [(32, 24), (21, 10)])
def test_skip_adds_the_input(values: str, size: tuple[int, int]) -> None:
    networks = []
    for skip in (False, True):
        torch.manual_seed(0)
        config = TransformerNetConfig.model_validate({"base_channels": 4, "num_blocks": 1, "values": values, "skip": skip})
        networks.append(TransformerNet(3, 3, config, styles=2).double())
    images, shares = torch.rand(2, 3, *size, dtype=torch.float64) * 2 - 1, torch.tensor([[1.0, 0.0], [0.5, 0.5]], dtype=torch.float64)
    plain, changed = (network(images, shares) for network in networks)
    torch.testing.assert_close(changed, images + plain)


@pytest.mark.parametrize(("resize_mode", "uneven"), [("nearest", 1.0), ("bilinear", 0.0)])
def test_what_the_last_convolutions_read_of_a_ramp(resize_mode: str, uneven: float) -> None:
    """A ramp again, if the size is doubled bilinearly; else steps."""
    config = TransformerNetConfig.model_validate({"base_channels": 4, "num_blocks": 0, "resize_mode": resize_mode})
    network, read = TransformerNet(3, 3, config), list[torch.Tensor]()
    for layer in (network.up1, network.up2):
        layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    for layer in (network.conv3, network.up1):
        layer.norm.register_forward_hook(lambda _, inputs, output: torch.arange(float(output.shape[3])).expand_as(output))
    network(torch.zeros(1, 3, 32, 32))
    rises = [doubled[0, 0, 4, 2:-2].diff() for doubled in read]
    assert [(rise.max() - rise.min()).item() for rise in rises] == [uneven] * 2


def test_skip_needs_as_many_channels_at_both_ends() -> None:
    with pytest.raises(ValueError, match="skip adds the input's 3 channels to the output's 1"):
        TransformerNet(3, 1, TransformerNetConfig(skip=True))
