"""Files of weights from other projects: tensors by name, within a bounded memory, and never code.

A .pth is a pickle. torch's `weights_only` unpickles tensors and plain containers alone, after `pickle_scan` has found that they fit into
the file. Tensors are mapped from the file where its format allows it.
"""

import io
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from gan_style.bundles.file import check_header, tensors_of
from gan_style.errors import UserError
from gan_style.files.opening import open_regular
from gan_style.interop.pickle_scan import MAX_PICKLE, NotPlain, check_pickles

MAX_HEADER = 2**22  # bytes of a safetensors header
MAX_OLD = 2**32  # bytes of a file in torch's first format, which is read as a whole
_OLD_PICKLES = 4  # of torch's first format before its tensors: magic number, version, sizes of numbers, the object
_TOO_LONG = f"its pickle has more than {MAX_PICKLE} bytes, more than names and shapes of weights need; save the state_dict alone"

State = dict[str, Tensor]


def read_states(path: Path) -> dict[str, State]:
    """All state dicts in a file by their place, such as "netG" or "models.ema"; "" is the file itself.

    The file is a state dict of torch (either format) or of safetensors, or a dictionary that holds such. Other content is passed over.
    `UserError` in one line for a file that is missing, damaged, larger inside than outside, or needs more than tensors.
    """
    try:
        with open_regular(path) as stream:
            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            beginning = stream.read(8) or b""
        if path.suffix == ".safetensors" or beginning[:1] not in (b"P", b"\x80"):
            found = {"": _safetensors(path)}
        else:
            found = dict(_states(_unpickled(path, size)))
    except NotPlain as why:
        raise UserError(f"{path}: {why}") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give a file of weights") from None
    except Exception as problem:  # damaged files raise anything in torch, zipfile, safetensors and pickletools
        raise UserError(f"{path}: not a file of weights ({_words(problem)}); give a .pth or .safetensors file") from None
    for name, state in found.items():
        _check(path, name, state, size)
    if not any(found.values()):
        raise UserError(f"{path}: holds no tensors by name; give a state dict, or a checkpoint that holds one")
    return {name: state for name, state in found.items() if state}


def _safetensors(path: Path) -> State:
    check_header(path, MAX_HEADER)
    with safe_open(path, framework="pt") as file:
        return tensors_of(file)


def _unpickled(path: Path, size: int) -> Any:
    zipped = zipfile.is_zipfile(path)
    if zipped:
        pickle, count = _in_zip(path, size), 1
    elif size > MAX_OLD:
        raise NotPlain(f"has {size} bytes in torch's first format, more than the {MAX_OLD} allowed; save it again with torch.save")
    else:
        with open_regular(path) as stream:
            pickle, count = _read(stream, MAX_PICKLE), _OLD_PICKLES
    try:
        check_pickles(io.BytesIO(pickle), count, size)
    except ValueError:
        if len(pickle) < MAX_PICKLE:
            raise
        raise NotPlain(_TOO_LONG) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)


def _in_zip(path: Path, size: int) -> bytes:
    """The pickle in torch's archive. `NotPlain` if a member is compressed, if all are larger than the file, or if the pickle is long."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        names = [member.filename.split("/")[-1] for member in members]
        if "constants.pkl" in names:
            raise NotPlain("is TorchScript, which is code and is not read; save the state_dict of the network")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members) or sum(member.file_size for member in members) > size:
            raise NotPlain("is compressed, which torch never does; save it again with torch.save")
        if names.count("data.pkl") != 1:
            raise NotPlain("an archive, but not one of torch; give a .pth or .safetensors file")
        pickle = members[names.index("data.pkl")]
        if pickle.file_size > MAX_PICKLE:
            raise NotPlain(_TOO_LONG)
        return archive.read(pickle)


def _read(stream: Any, limit: int) -> bytes:
    content = bytearray()
    while len(content) < limit and (part := stream.read(limit - len(content))):
        content += part
    return bytes(content)


def _states(content: Any) -> Iterator[tuple[str, State]]:
    """The tensors of each mapping in `content`, by the mapping's place. A tensor of a place's own mapping counts, a deeper one does not."""
    waiting, met = [("", content)], set[int]()  # a mapping may be in itself, or in others a million times
    while waiting:
        place, mapping = waiting.pop(0)
        if not isinstance(mapping, Mapping) or id(mapping) in met:
            continue
        met.add(id(mapping))
        own = {key: value for key, value in mapping.items() if isinstance(key, str) and isinstance(value, Tensor)}
        if own:
            yield place, own
        waiting += [(f"{place}.{key}" if place else key, value) for key, value in mapping.items() if isinstance(key, str)]


def _check(path: Path, name: str, state: State, size: int) -> None:
    """`UserError` if tensors are no plain numbers, or together larger than the file: views of one number may claim any size."""
    for key, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized or tensor.is_complex():
            raise UserError(f"{path}: its tensor {f'{name}.' if name else ''}{key} is sparse, quantised or complex; save plain weights")
    if (claimed := sum(tensor.numel() * tensor.element_size() for tensor in state.values())) > size:
        raise UserError(f"{path}: its tensors claim {claimed} bytes, more than the {size} of the file; save them again")


def _words(problem: Exception) -> str:
    return (" ".join(str(problem).split()) or type(problem).__name__)[:120]
