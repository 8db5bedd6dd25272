"""The network that training's sample grids and inference share."""

import pytest
import torch
from tiny_bundles import GENERATORS, UNET_BATCH

from gan_style.methods import METHODS
from gan_style.methods.pix2pix import Pix2Pix
from gan_style.methods.serving import serving_network
from gan_style.methods.trained import expected_weights


def loaded(generator: dict) -> torch.nn.Module:
    """A served network with the weights of a trained one."""
    network = serving_network("pix2pix", config(generator), 3, 3)
    network.load_state_dict(METHODS["pix2pix"].translator(config(generator), 3, 3).state_dict())
    return network


def config(generator: dict) -> object:
    return METHODS["pix2pix"].Config.model_validate({"name": "pix2pix", "generator": generator})


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_names_and_shapes_are_the_trained_networks(generator: dict) -> None:
    trained = METHODS["pix2pix"].translator(config(generator), 3, 1)
    expected = {name: tensor.shape for name, tensor in trained.state_dict().items()}
    assert expected_weights(Pix2Pix, config(generator), 3, 1) == expected
    network = serving_network("pix2pix", config(generator), 3, 1)
    assert {name: tensor.shape for name, tensor in network.state_dict().items()} == expected
    network.load_state_dict(trained.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), trained.state_dict().values(), strict=True))
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("init", ["normal", "xavier", "kaiming", "orthogonal"])
def test_weights_are_described_without_drawing_any(init: str) -> None:
    before = torch.get_rng_state()
    huge = {"name": "unet", "base_channels": 1024, "num_downs": 12, "norm": "batch", "init": init}  # 60 GB, were it allocated
    shapes = expected_weights(Pix2Pix, config(huge), 3, 3)
    assert shapes["downs.11.conv.weight"] == (8192, 8192, 4, 4)
    serving_network("pix2pix", config({**UNET_BATCH, "init": init}), 3, 3)
    assert torch.equal(torch.get_rng_state(), before), "serving changed the random state of training"


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_each_image_has_its_own_statistics(generator: dict) -> None:
    torch.manual_seed(0)
    network = loaded(generator)
    dark, bright = torch.rand(1, 3, 16, 24) - 1.0, torch.rand(1, 3, 16, 24)
    alone = network(dark)
    assert torch.allclose(network(torch.cat([dark, bright]))[:1], alone, atol=1e-5)
    for name, tensor in network.state_dict().items():
        if "running" in name:
            tensor.fill_(5.0)
    assert torch.equal(network(dark), alone), "running statistics or dropout were used"


@pytest.mark.parametrize("generator", GENERATORS.values(), ids=GENERATORS)
def test_it_stays_channels_last(generator: dict) -> None:
    network = loaded(generator).to("cpu")
    wide = [weight for weight in network.parameters() if weight.dim() == 4 and min(weight.shape) > 1]
    assert wide and all(weight.is_contiguous(memory_format=torch.channels_last) for weight in wide)
