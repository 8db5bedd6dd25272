"""Networks of ours on their way out: under the names of another project's code, as a file that it loads."""

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from gan_style.errors import UserError
from gan_style.files.atomic import replacing
from gan_style.interop import fast_neural_style, pytorch_cyclegan
from gan_style.interop.adain import to_adain
from gan_style.interop.held import Held
from gan_style.interop.naming import Naming, into_theirs
from gan_style.interop.pix2pixhd import to_pix2pixhd
from gan_style.interop.settings import Settings
from gan_style.interop.spade import to_spade
from gan_style.networks.generators.transformer_net import TransformerNetConfig

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
Out = Callable[[Held, Settings], Mapping[str, Tensor]]


def foreign_state(held: Held, settings: Settings) -> tuple[str, dict[str, Tensor]]:
    """The project that has such a network, and the network's state dict with the project's names.

    settings: may give `dtype` and, for several styles, `style`
    `UserError` names the setting that the other network cannot hold.
    """
    name = held.config.name
    if name not in _OUT:
        raise UserError(f"{held.path}: no project here has a network {name}; there are {', '.join(_OUT)}")
    kind, out = _OUT[name]
    kind = "cut" if getattr(held.config, "antialias", False) else kind
    settings.tell("kind", kind)
    settings.tell("network", name)
    for words in held.values:
        settings.tell("left out", words)
    try:
        theirs = out(held, settings)
        dtype = DTYPES[settings.chosen("dtype", "float32", DTYPES, "as bundles hold them")]
        settings.check_all_used()
    except UserError as mistake:
        raise UserError(f"{held.path}: {mistake}") from None
    return kind, {key: value.to(dtype) if value.is_floating_point() else value for key, value in theirs.items()}


def save_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a state dict atomically: a .safetensors, or a .pth as torch.save writes it."""
    tensors = {key: value.contiguous() for key, value in state.items()}
    with replacing(path) as temporary:
        if path.suffix == ".safetensors":
            save_file(tensors, temporary)
        else:
            content = BytesIO()  # of a full disk torch says no more than "unexpected pos"
            torch.save(tensors, content)
            temporary.write_bytes(content.getbuffer())


def _named(naming: Callable[..., Naming]) -> Out:
    """The way out of a network whose tensors have other names there."""
    return lambda held, settings: into_theirs(held.weights, naming(held.network))


def _stylizer(held: Held, settings: Settings) -> dict[str, Tensor]:
    fast_neural_style.check_size(held.config)
    names = list(held.method.styles)
    if len(names) > 1 and "style" not in settings.given:
        raise UserError(f"styles: fast-neural-style holds one, and the bundle has {', '.join(names)}; choose with --set style={names[0]}")
    style = settings.chosen("style", names[0], names, "the only one")
    assert isinstance(held.config, TransformerNetConfig)
    if held.config.values == "signed":
        settings.tell("values", "signed", "scaled to [0, 255], equal up to rounding")
    return fast_neural_style.renamed(held.weights, len(held.network.blocks), held.config.values, names.index(style))  # type: ignore[arg-type]


_OUT: dict[str, tuple[str, Out]] = {
    "resnet": ("cyclegan", _named(pytorch_cyclegan.naming)),
    "unet": ("cyclegan", _named(pytorch_cyclegan.naming)),
    "global": ("pix2pixhd", to_pix2pixhd),
    "coarse-to-fine": ("pix2pixhd", to_pix2pixhd),
    "spade": ("spade", to_spade),
    "patchgan": ("cyclegan", _named(pytorch_cyclegan.naming)),
    "pixel": ("cyclegan", _named(pytorch_cyclegan.naming)),
    "adain": ("adain", to_adain),
    "transformer_net": ("fast_neural_style", _stylizer),
}
