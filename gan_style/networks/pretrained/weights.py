"""Files of pretrained weights: state dicts of tensors alone, and torchvision's, which lie in torch's cache."""

import hashlib
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gan_style.errors import UserError


def read_weights(path: Path, whose: str, otherwise: str) -> Mapping[str, Tensor]:
    """The tensors in the state dict of a .pth or .safetensors file, by name. The function unpickles and returns nothing else.

    whose, otherwise: for the message about a missing file, "no such file of {whose} weights; {otherwise}"
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        mapped = zipfile.is_zipfile(path)  # torchvision's VGG of 2017 is older than the format that can be mapped
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about TorchScript, which is then refused: it is code
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file of {whose} weights; {otherwise}") from None
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError, AttributeError) as problem:
        raise UserError(f"{path}: not a file of weights ({' '.join(str(problem).split())[:120]}); {otherwise}") from None
    except Exception as problem:  # pickle.UnpicklingError, which has no home without importing pickle
        raise UserError(f"{path}: holds more than tensors, and nothing else is unpickled ({type(problem).__name__}); {otherwise}") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{path}: holds a {type(loaded).__name__}, not a state dict; {otherwise}")
    return {name: tensor for name, tensor in loaded.items() if isinstance(name, str) and isinstance(tensor, Tensor)}


def fitting(stored: Mapping[str, Tensor], expected: Mapping[str, Tensor], problem: str, otherwise: str = "") -> dict[str, Tensor]:
    """The tensors of `stored` that `expected` names, in float32.

    `UserError` where one is missing, has another shape than in `expected`, or holds whole numbers: "{problem}: {name} is missing or ..."
    """
    found: dict[str, Tensor] = {}
    for name, place in expected.items():
        tensor = stored.get(name)
        if tensor is None or tensor.shape != place.shape or not tensor.is_floating_point():
            raise UserError(f"{problem}: {name} is missing or has another shape{otherwise}")
        found[name] = tensor.float()
    return found


def torchvision_address(architecture: str) -> str:
    """Where torchvision's ImageNet weights of "VGG16", "VGG19" or "AlexNet" lie; the file's name ends in the beginning of its SHA-256."""
    from torchvision.models import get_weight

    return get_weight(f"{architecture}_Weights.IMAGENET1K_V1").url


def downloaded(address: str, whose: str, otherwise: str) -> Path:
    """The file of weights that lies at this address: in torch's cache, downloaded into it if need be, and checked."""
    path = kept_file(address)
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(address, str(path), _digest(path))
        except (OSError, RuntimeError) as failure:  # no network, a wrong hash, a full disk
            why = getattr(failure, "reason", failure)
            raise UserError(
                f"the ImageNet weights of {whose} cannot be downloaded ({why}): put {path.name} into {path.parent}, {otherwise}"
            ) from None
    return verified(path, "delete it to download it again")


def kept_file(address: str) -> Path:
    """Where torch's cache keeps the file of weights of this name or address."""
    return Path(torch.hub.get_dir()) / "checkpoints" / address.split("/")[-1]


def verified(path: Path, otherwise: str) -> Path:
    """`path`, whose name ends in the beginning of its SHA-256; `UserError` where it has another."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if not digest.startswith(_digest(path)):
        raise UserError(f"{path}: damaged (its SHA-256 does not begin as its name says); {otherwise}")
    return path


def _digest(path: Path) -> str:
    return path.stem.split("-")[-1]
