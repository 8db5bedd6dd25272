"""Files of other projects' weights, drawn at random."""

from pathlib import Path
from typing import Any

import torch
from reference_networks import Norms, their_patchgan, their_resnet, their_unet
from torch import Tensor, nn


def scrambled(network: nn.Module, seed: int = 0) -> dict[str, Tensor]:
    """A state dict of the network with random numbers but for its fixed filters; its weights keep the scale of activations."""
    torch.manual_seed(seed)
    drawn: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        if name.endswith(".filt"):
            drawn[name] = value
        elif not value.is_floating_point():
            drawn[name] = torch.randint(1, 1000, value.shape)
        elif name.endswith(("running_var", ".weight")) and value.dim() == 1:
            drawn[name] = torch.rand(value.shape) + 0.5
        else:
            drawn[name] = torch.randn(value.shape) / max(1, value[0].numel() if value.dim() > 1 else 4) ** 0.5
    return drawn


def resnet(**settings: Any) -> dict[str, Tensor]:
    """A generator of CycleGAN or CUT, by default with 6 blocks."""
    norms = Norms(settings.pop("norm", "instance"), settings.pop("statistics", False))
    return scrambled(their_resnet(norms, **{"num_blocks": 6, **settings}))


def unet(norm: str = "batch", **settings: Any) -> dict[str, Tensor]:
    """A generator of pix2pix."""
    return scrambled(their_unet(Norms(norm), **settings))


def patchgan(norm: str = "instance", **settings: Any) -> dict[str, Tensor]:
    """A discriminator."""
    return scrambled(their_patchgan(Norms(norm), **settings))


def saved(path: Path, content: Any, old: bool = False) -> Path:
    """The file of torch with this content, in its first format or its present one."""
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Have both the same names, and tensors of the same types, shapes and bytes?"""
    return one.keys() == other.keys() and all(
        (value.dtype, value.shape) == (other[name].dtype, other[name].shape)
        and value.contiguous().flatten().view(torch.uint8).equal(other[name].contiguous().flatten().view(torch.uint8))
        if value.dim()
        else torch.equal(value, other[name])
        for name, value in one.items()
    )
