"""A bundle's header is an attacker's: bounded before it is read, checked before anything is built."""

import json
import os
import struct
import sys
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_bundles import tiny_bundle

from gan_style.bundles.file import MAX_HEADER_BYTES, METADATA_KEY, BundleInfo, check_header, load_bundle, save_bundle
from gan_style.errors import UserError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path / "a2b.safetensors")


def mistake(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_bundle(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def metadata(path: Path) -> dict:
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["gan_style"])


def test_round_trip(bundle: Path) -> None:
    info, weights = load_bundle(bundle)
    assert info.step == 7 and all(torch.equal(weights[name], weight) for name, weight in load_file(bundle).items())


@pytest.mark.parametrize("length", [MAX_HEADER_BYTES + 1, 100_000_000, 2**63, 2**64 - 1])
def test_a_header_that_claims_gigabytes(bundle: Path, length: int) -> None:
    bundle.write_bytes(struct.pack("<Q", length) + bundle.read_bytes()[8:])
    assert f"its header claims {length} bytes, more than the" in mistake(bundle)


def test_a_header_of_many_tensors_is_not_even_parsed(bundle: Path) -> None:
    entries = {f"{number:06d}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(30_000)}
    text = json.dumps(entries).encode()
    bundle.write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(ValueError, match="more than the 1048576 allowed"):
        check_header(bundle, MAX_HEADER_BYTES)
    assert "more than the 1048576 allowed" in mistake(bundle)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.bool, torch.float8_e4m3fn])
def test_a_tensor_of_another_type(bundle: Path, dtype: torch.dtype) -> None:
    text = json.dumps(metadata(bundle))
    save_file({**load_file(bundle), "head.bias": torch.zeros(3).to(dtype)}, bundle, metadata={"gan_style": text})
    assert "its tensor head.bias is " in mistake(bundle) and mistake(bundle).endswith("a bundle has F32 and I64 only: make it again")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"step": 1' + "0" * 5000 + "}", "null", "[]", "{}", '"x"', "NaN", '{"step": NaN}', "{" + '"a": {' * 500, ""]
)
def test_metadata_that_is_none(bundle: Path, text: str) -> None:
    save_file(load_file(bundle), bundle, metadata={"gan_style": text})
    assert "not a gan_style bundle" in mistake(bundle) or "its metadata is not what" in mistake(bundle)


def test_a_step_of_a_thousand_digits(bundle: Path) -> None:
    save_file(load_file(bundle), bundle, metadata={"gan_style": json.dumps({**metadata(bundle), "step": 10**1000})})
    assert "step: must be below" in mistake(bundle)


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    assert "not a regular file" in mistake(tmp_path / "pipe") and "not a regular file" in mistake(tmp_path)
    assert "not a gan_style bundle" in mistake(tmp_path / "empty")
    assert "no such bundle" in mistake(tmp_path / "absent")
    assert "cannot be read" in mistake(tmp_path / ("x" * 300))
    assert load_bundle(tiny_bundle(tmp_path / "a\n \x1b\u2028b.safetensors"))[0].step == 7


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_text_is_refused_by_safetensors(tmp_path: Path) -> None:
    assert "is not valid UTF-8" in mistake(tiny_bundle(tmp_path / os.fsdecode(b"a\xff.safetensors")))


def test_a_bundle_of_pictures_is_one_that_earlier_versions_read(bundle: Path) -> None:
    with safe_open(bundle, framework="pt") as file:
        assert "values_" not in file.metadata()[METADATA_KEY]
    info, weights = load_bundle(bundle)
    measured = BundleInfo.model_validate({**info.model_dump(), "values_out": {"low": -1000, "high": 2000, "type": "int16"}})
    save_bundle(bundle, measured, weights)
    found = load_bundle(bundle)[0]
    assert found == measured and found.values_in is None and found.values_out is not None and found.values_out.scale.span == 3000


@pytest.mark.parametrize(
    "values", [{"low": 1, "high": 1}, {"low": 0, "high": float("inf")}, {"low": 0}, {"low": 0, "high": 1, "type": "object"}]
)
def test_values_of_a_bundle_that_are_none(bundle: Path, values: dict[str, object]) -> None:
    info, _ = load_bundle(bundle)
    with pytest.raises(ValidationError):
        BundleInfo.model_validate({**info.model_dump(), "values_in": values})
