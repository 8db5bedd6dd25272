"""Networks with weights converted from the reference's compute what the reference computes."""

import pytest
import torch
from vectors import Vectors, build_network

from gan_style.interop import fast_neural_style, pytorch_cyclegan
from gan_style.interop.pytorch_cyclegan import from_reference, to_reference
from gan_style.networks.generators.transformer_net import TransformerNet

RANGES = {None: (1.0, 0.0), "RGB 0..255 in and out": (127.5, 127.5)}  # value range of the vectors -> (scale, offset) from [-1, 1]


@torch.no_grad()
def test_output_of_converted_weights(forward_vectors: Vectors) -> None:
    network = build_network(forward_vectors.spec)
    convert = fast_neural_style.from_reference if isinstance(network, TransformerNet) else pytorch_cyclegan.from_reference
    network.load_state_dict(convert(forward_vectors.under("state_dict"), network), strict=True)  # type: ignore[arg-type]
    scale, offset = RANGES[forward_vectors.spec.get("value_range")]
    network.train(forward_vectors.spec["mode"] == "train")
    expected = forward_vectors.tensors["output"]
    output = network((forward_vectors.tensors["input"] - offset) / scale) * scale + offset
    assert output.shape == expected.shape
    span = (expected.max() - expected.min()).item()
    assert span > 0
    assert (output - expected).abs().max().item() <= 1e-5 * span


def test_names_map_back(forward_vectors: Vectors) -> None:
    """Into our names and back, every tensor is where it was."""
    network = build_network(forward_vectors.spec)
    theirs = forward_vectors.under("state_dict")
    if isinstance(network, TransformerNet):  # its names map back, its scaled layers to within rounding
        network.load_state_dict(fast_neural_style.from_reference(theirs, network), strict=True)
        for name, value in fast_neural_style.to_reference(network).items():
            torch.testing.assert_close(value, theirs.pop(name), rtol=1e-5, atol=1e-4)
        assert not theirs
        return
    network.load_state_dict(from_reference(theirs, network), strict=True)
    back = to_reference(network)
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[name], theirs[name]) for name in theirs)


def test_names_of_trained_networks_map_back(train_vectors: Vectors) -> None:
    """The same for the networks of training vectors: every tensor of `init` and `final` has a place."""
    spec = train_vectors.spec
    for name in spec["networks"]:
        part = spec["generator" if name.startswith("G") else "discriminator"]
        pairs = 2 if spec["method"] == "pix2pix" and name == "D" else 1  # a conditional discriminator sees A and B
        network = build_network({**part, "in_channels": 3 * pairs, "out_channels": 3})
        for moment in ("init", "final"):
            theirs = train_vectors.under(f"{moment}.{name}")
            network.load_state_dict(from_reference(theirs, network), strict=True)
            back = to_reference(network)
            assert back.keys() == theirs.keys()
            assert all(torch.equal(back[key], theirs[key].to(back[key].dtype)) for key in theirs)


def test_other_kinds(other_vectors: Vectors) -> None:
    pytest.skip(f"kind {other_vectors.spec['kind']}: not yet supported")
