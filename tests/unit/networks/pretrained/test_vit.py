"""The vision transformer against torchvision's, under DINO's names."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.models.vision_transformer import VisionTransformer

from gan_style.errors import UserError
from gan_style.networks.pretrained.vit import ViTFeatures

FILE = Path("dino.pth")
SIDE, PATCH, WIDTH, DEPTH = 32, 8, 128, 2
NAMES = {
    "ln_1": "norm1",
    "ln_2": "norm2",
    "self_attention.in_proj_": "attn.qkv.",
    "self_attention.out_proj": "attn.proj",
    "mlp.0": "mlp.fc1",
    "mlp.3": "mlp.fc2",
}


def reference() -> VisionTransformer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = VisionTransformer(SIDE, PATCH, DEPTH, WIDTH // 64, WIDTH, 4 * WIDTH).eval().requires_grad_(False)
        for parameter in network.parameters():
            parameter.normal_(0, 0.1)  # some begin as zeros
    return network


def dinos_names(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's names -> DINO's."""
    found = {
        "cls_token": stored["class_token"],
        "pos_embed": stored["encoder.pos_embedding"],
        "patch_embed.proj.weight": stored["conv_proj.weight"],
        "patch_embed.proj.bias": stored["conv_proj.bias"],
        "norm.weight": stored["encoder.ln.weight"],
        "norm.bias": stored["encoder.ln.bias"],
    }
    for key, value in stored.items():
        if "encoder_layer_" in key:
            number, _, rest = key.partition("encoder_layer_")[2].partition(".")
            for theirs, ours in NAMES.items():
                rest = rest.replace(theirs, ours)
            found[f"blocks.{number}.{rest}"] = value
    return found


def images(height: int = SIDE, width: int = SIDE) -> Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_class_token_and_keys_are_torchvisions() -> None:
    theirs = reference()
    ours = ViTFeatures.load(dinos_names(theirs.state_dict()), FILE)
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    x = theirs._process_input(((images() + 1) / 2 - mean) / deviation)
    x = torch.cat([theirs.class_token.expand(2, -1, -1), x], dim=1)
    last = theirs.encoder.layers[-1]
    before = theirs.encoder.layers[:-1](x + theirs.encoder.pos_embedding)
    weight, bias = (part.chunk(3)[1] for part in (last.self_attention.in_proj_weight, last.self_attention.in_proj_bias))
    token, keys = ours(images())
    torch.testing.assert_close(keys, last.ln_1(before) @ weight.T + bias, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(token, theirs.encoder(x)[:, 0], rtol=1e-4, atol=1e-4)


def test_any_size_has_a_key_for_each_patch() -> None:
    network = ViTFeatures.load(dinos_names(reference().state_dict()), FILE)
    token, keys = network(images(41, 24))
    assert token.shape == (2, WIDTH)
    assert keys.shape == (2, 1 + 6 * 3, WIDTH)
    assert torch.isfinite(keys).all()


def test_other_files_are_named() -> None:
    stored = dinos_names(reference().state_dict())
    for spoilt, said in (
        ({key: value for key, value in stored.items() if key != "blocks.1.attn.qkv.bias"}, r"blocks\.1\.attn\.qkv\.bias is missing"),
        ({**stored, "pos_embed": torch.zeros(1, 12, WIDTH)}, "12 positions, which is none of DINO's"),
        ({"cls_token": torch.zeros(1)}, "not the weights of a vision transformer"),
    ):
        with pytest.raises(UserError, match=rf"dino\.pth: .*{said}|dino\.pth.*{said}"):
            ViTFeatures.load(spoilt, FILE)
