"""Bundles, whose every byte is an attacker's: any bytes, damaged files, metadata of any shape, networks that would fill any memory."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import fuzz
from hypothesis import strategies as st
from mutations import INTEGERS, JSON_VALUES, changed, damaged
from tiny_bundles import GENERATORS, tiny_bundle

from gan_style.bundles.file import METADATA_KEY
from gan_style.translation.predictor import Predictor


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("bundles")
    return [tiny_bundle(folder / name, {**generator, "base_channels": 2}).read_bytes() for name, generator in GENERATORS.items()]


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A bundle's header, its metadata parsed, and its tensors."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"][METADATA_KEY] = json.loads(header["__metadata__"][METADATA_KEY])
    return header, data[8 + length :]


def join(header: Any, tensors: bytes) -> bytes:
    if isinstance(header, dict) and isinstance(header.get("__metadata__"), dict) and METADATA_KEY in header["__metadata__"]:
        header = {**header, "__metadata__": {**header["__metadata__"], METADATA_KEY: json.dumps(header["__metadata__"][METADATA_KEY])}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + tensors


def serve(path: Path, data: bytes) -> None:
    """What loads can also translate."""
    path.write_bytes(data)
    predictor = Predictor.load(path, "cpu")
    assert predictor(torch.zeros(predictor.info.in_channels, 5, 7)).shape == (predictor.info.out_channels, 5, 7)


@fuzz(data=st.data())
def test_bytes(tmp_path: Path, bundles: list[bytes], data: st.DataObject) -> None:
    length = data.draw(st.just(b"") | INTEGERS.map(lambda number: struct.pack("<Q", number % 2**64)))
    serve(tmp_path / "a2b.safetensors", length + data.draw(st.binary(max_size=100) | damaged(bundles)))


@fuzz(data=st.data())
def test_headers(tmp_path: Path, bundles: list[bytes], data: st.DataObject) -> None:
    header, tensors = split(data.draw(st.sampled_from(bundles)))
    serve(tmp_path / "a2b.safetensors", join(data.draw(changed(header, JSON_VALUES)), tensors))


@fuzz(data=st.data())
def test_metadata(tmp_path: Path, bundles: list[bytes], data: st.DataObject) -> None:
    header, tensors = split(data.draw(st.sampled_from(bundles)))
    metadata = header["__metadata__"]
    metadata[METADATA_KEY] = data.draw(changed(metadata[METADATA_KEY], JSON_VALUES | INTEGERS))
    serve(tmp_path / "a2b.safetensors", join(header, tensors))


DTYPES = ["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "F16", "BF16", "I16", "F64", "C64", "I64", "F32", "F128"]


@fuzz(data=st.data(), dtype=st.sampled_from(DTYPES), shape=st.lists(INTEGERS, max_size=5), offset=st.integers(0, 2) | INTEGERS)
def test_tensors(tmp_path: Path, bundles: list[bytes], data: st.DataObject, dtype: str, shape: list[int], offset: int) -> None:
    header, tensors = split(data.draw(st.sampled_from(bundles)))
    name = data.draw(st.sampled_from(sorted(header.keys() - {"__metadata__"})))
    change = data.draw(st.sampled_from(["dtype", "shape", "begin", "end"]))
    if change in ("begin", "end"):
        header[name]["data_offsets"][change == "end"] = offset
    else:
        header[name][change] = dtype if change == "dtype" else shape
    serve(tmp_path / "a2b.safetensors", join(header, tensors))


@fuzz(
    data=st.data(),
    name=st.sampled_from(["unet", "resnet"]),
    base_channels=st.sampled_from([2, 64, 1024]),
    num_blocks=st.sampled_from([0, 1, 64]),
    num_downs=st.integers(2, 12),
    norm=st.sampled_from(["instance", "batch", "none"]),
    init=st.sampled_from(["normal", "xavier", "kaiming", "orthogonal"]),
    upsampling=st.sampled_from(["deconvolution", "resize-convolution", "bilinear-convolution"]),
    channels=st.integers(1, 64),
)
def test_claimed_networks(tmp_path: Path, bundles: list[bytes], data: st.DataObject, channels: int, **generator: Any) -> None:
    """A few kilobytes of tensors under the description of a network of up to a hundred gigabytes."""
    header, tensors = split(data.draw(st.sampled_from(bundles)))
    info = header["__metadata__"][METADATA_KEY]
    info["translator"]["generator"] |= generator
    info["in_channels"], info["size_multiple"] = channels, 4096
    serve(tmp_path / "a2b.safetensors", join(header, tensors))
