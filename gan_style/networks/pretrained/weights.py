"""Files of pretrained weights: state dicts of tensors alone, and torchvision's, kept where torch keeps them."""

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
    """The tensors in the state dict of a .pth or .safetensors file, by name. Nothing else is unpickled, or returned.

    whose, otherwise: what the message says of a file that is not there: "no such file of {whose} weights; {otherwise}"
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
        raise UserError(f"{path}: not a file of weights ({' '.join(str(problem).split())[:120]})") from None
    except Exception as problem:  # pickle.UnpicklingError, which has no home without importing pickle
        raise UserError(f"{path}: not a file of tensors alone, and nothing else is unpickled ({type(problem).__name__})") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{path}: holds {type(loaded).__name__}, not a state dict")
    return {name: tensor for name, tensor in loaded.items() if isinstance(name, str) and isinstance(tensor, Tensor)}


def torchvision_file(file: str, whose: str, otherwise: str) -> Path:
    """Where torchvision's file of this name lies, downloaded if need be, and checked."""
    path = kept_file(file)
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(f"https://download.pytorch.org/models/{file}", str(path), file.split("-")[-1].split(".")[0])
        except (OSError, RuntimeError) as failure:  # no network, a wrong hash, a full disk
            why = getattr(failure, "reason", failure)
            raise UserError(
                f"the ImageNet weights of {whose} cannot be downloaded ({why}): put {file} into {path.parent}, {otherwise}"
            ) from None
    return verified(path, "delete it to download it again")


def kept_file(file: str) -> Path:
    """Where torch keeps a file of weights of this name."""
    return Path(torch.hub.get_dir()) / "checkpoints" / file


def verified(path: Path, otherwise: str) -> Path:
    """`path`, whose name ends in the beginning of its SHA-256; `UserError` where it has another."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if not digest.startswith(path.stem.split("-")[-1]):
        raise UserError(f"{path}: damaged (its SHA-256 does not begin as its name says); {otherwise}")
    return path
