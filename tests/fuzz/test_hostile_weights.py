"""Files of other projects' weights, whose every byte is an attacker's: damaged ones, code, and claims without end."""

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_files import resnet, saved, unet
from fuzzing import bounds, fuzz
from hypothesis import strategies as st
from mutations import damaged
from safetensors.torch import save_file

from gan_style.errors import UserError
from gan_style.interop import read_foreign
from gan_style.interop.weight_file import read_states


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("weights")
    state = unet(num_downs=2)
    save_file(state, folder / "net.safetensors")
    saved(folder / "net.pth", {"netG": resnet(k=1, num_blocks=1), "step": 3})
    saved(folder / "old.pth", state, old=True)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@fuzz(data=st.data())
def test_damaged_files(tmp_path: Path, files: list[bytes], data: st.DataObject) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(data.draw(damaged(files)))
    read_foreign(path)


@fuzz(data=st.data())
def test_pickles(tmp_path: Path, files: list[bytes], data: st.DataObject) -> None:
    """The pickle in torch's archive is damaged, and the archive is whole."""
    archive = zipfile.ZipFile(io.BytesIO(next(file for file in files if file.startswith(b"PK"))))
    name = next(each for each in archive.namelist() if each.endswith("data.pkl"))
    members = {each: archive.read(each) for each in archive.namelist()}
    members[name] = data.draw(damaged([members[name]]))
    read_foreign(packed(tmp_path / "net.pth", members))


@fuzz(
    content=st.binary(max_size=200), start=st.sampled_from([b"", b"\x80\x02", b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."])
)
def test_bytes(tmp_path: Path, content: bytes, start: bytes) -> None:
    (tmp_path / "net.pth").write_bytes(start + content)
    read_foreign(tmp_path / "net.pth")


def packed(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refused(path: Path, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_states(path)
    with bounds():
        raise caught.value


class Code:
    """Makes a folder where it is unpickled."""

    def __init__(self, written: Path) -> None:
        self.written = written

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.written),)


@pytest.mark.parametrize("old", [False, True], ids=["zip", "first-format"])
def test_code_is_not_run(old: bool, tmp_path: Path) -> None:
    written = tmp_path / "written"
    refused(saved(tmp_path / "net.pth", {"netG": resnet(), "hook": Code(written)}, old), r"net\.pth: needs posix\.mkdir")
    assert not written.exists()
    with (tmp_path / "plain.pth").open("wb") as stream:
        pickle.dump({"hook": Code(written)}, stream, protocol=2)
    refused(tmp_path / "plain.pth", r"plain\.pth: needs posix\.mkdir")
    assert not written.exists()


def test_a_newer_pickle_is_not_read(tmp_path: Path) -> None:
    torch.save(resnet(), tmp_path / "net.pth", pickle_protocol=4)
    refused(tmp_path / "net.pth", "was not written by torch.save as it is")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_torchscript_is_not_run(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), tmp_path / "net.pth")
    refused(tmp_path / "net.pth", "is TorchScript, which is code")


def stored(numel: int = 4, shape: tuple[int, ...] = (2, 2), strides: tuple[int, ...] = (2, 1)) -> bytes:
    """The pickle of {"w": a tensor} as torch.save writes it, with any claim."""

    def number(value: int) -> bytes:
        return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    text = [b"X" + struct.pack("<I", len(word)) + word for word in (b"storage", b"0", b"cpu")]
    storage = b"(" + text[0] + b"ctorch\nFloatStorage\n" + text[1] + text[2] + number(numel) + b"tQ"
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + number(0)
        + numbers(shape)
        + numbers(strides)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )
    return b"\x80\x02}X\x01\0\0\0w" + tensor + b"s."


def archive(path: Path, content: bytes, data: bytes = bytes(16), compression: int = zipfile.ZIP_STORED) -> Path:
    members = {"archive/data.pkl": content, "archive/byteorder": b"little", "archive/data/0": data, "archive/version": b"3\n"}
    return packed(path, members, compression)


def first_format(path: Path, content: bytes) -> Path:
    start = [pickle.dumps(each, protocol=2) for each in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True})]
    path.write_bytes(b"".join(start) + content + pickle.dumps(["0"], protocol=2) + bytes(24))
    return path


CLAIMS: dict[str, dict[str, Any]] = {
    "a long storage": {"numel": 2**40, "shape": (2**40,), "strides": (1,)},
    "a long shape": {"shape": (2**20, 2**20)},
    "one number seen a billion times": {"shape": (2**15, 2**15), "strides": (0, 0)},
    "beyond 64 bits": {"shape": (2**62, 2**62), "strides": (0, 0)},
    "negative": {"numel": -4},
}


@pytest.mark.parametrize("write", [archive, first_format], ids=["zip", "first-format"])
@pytest.mark.parametrize("claim", list(CLAIMS))
def test_claims_are_not_believed(claim: str, write: Callable[[Path, bytes], Path], tmp_path: Path) -> None:
    refused(
        write(tmp_path / "net.pth", stored(**CLAIMS[claim])), r"net\.pth: claims (tensors of \w+ bytes, more than|a tensor of a negative)"
    )


def test_a_size_that_is_recalled_is_not_believed(tmp_path: Path) -> None:
    """10 GB, remembered as the value of another key and hidden behind a small number."""
    hidden = b"X\1\0\0\0n\x8a\x09" + (2_500_000_000).to_bytes(9, "little") + b"q\x09sX\1\0\0\0mK\x04s"
    content = stored().replace(b"\x80\x02}", b"\x80\x02}" + hidden)
    size = b"\x8a\x09" + (4).to_bytes(9, "little") + b"tQ"
    assert content.count(size) == 1
    refused(archive(tmp_path / "net.pth", content.replace(size, b"h\x09tQ")), "was not written by torch.save as it is")
    refused(first_format(tmp_path / "old.pth", content.replace(size, b"h\x09NtQ")), "was not written by torch.save as it is")


def test_what_the_claims_are_made_of_can_be_read(tmp_path: Path) -> None:
    """The same bytes without a claim are a file of torch."""
    assert torch.equal(read_states(archive(tmp_path / "net.pth", stored()))[""]["w"], torch.zeros(2, 2))


def test_many_storages_together(tmp_path: Path) -> None:
    """Each fits into the file."""
    state = {f"w{number}": torch.zeros(1) for number in range(300)}
    torch.save(state, tmp_path / "honest.pth", _use_new_zipfile_serialization=False)
    content = (tmp_path / "honest.pth").read_bytes().replace(b"K\x01Nt", b"M\x00\x20Nt")
    (tmp_path / "net.pth").write_bytes(content)
    refused(tmp_path / "net.pth", "claims tensors of .* bytes, more than")


def test_a_long_pickle(tmp_path: Path) -> None:
    content = b"\x80\x02(" + b"}" * 2**21 + b"l."
    refused(archive(tmp_path / "net.pth", content), "its pickle has more than 1048576 bytes")
    refused(first_format(tmp_path / "old.pth", content), "its pickle has more than 1048576 bytes")


def test_a_bomb_of_zeros(tmp_path: Path) -> None:
    path = archive(tmp_path / "net.pth", stored(numel=2**28, shape=(2**28,), strides=(1,)), bytes(2**26), zipfile.ZIP_DEFLATED)
    refused(path, "is compressed, which torch never does")


def test_a_dictionary_that_holds_itself(tmp_path: Path) -> None:
    content: dict[str, Any] = OrderedDict(netG=resnet())
    content["again"] = content
    nested: dict[str, Any] = {}
    for _ in range(40):
        nested = {"a": nested, "b": nested}
    content["many"] = nested
    with bounds():
        assert read_foreign(saved(tmp_path / "net.pth", content)).kind == "cyclegan"


def test_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    refused(tmp_path / "pipe.pth", "it is not a regular file")
    refused(tmp_path, "not a file of weights")
    (tmp_path / "empty.pth").touch()
    refused(tmp_path / "empty.pth", r"empty\.pth: not a file of weights")
    refused(saved(tmp_path / "list.pth", [torch.ones(1)]), "holds no tensors by name")
    refused(saved(tmp_path / "sparse.pth", {"a": torch.ones(1).to(torch.complex64)}), "sparse, quantised or complex")
    (tmp_path / "net.safetensors").write_bytes(struct.pack("<Q", 2**40) + b"{}")
    refused(tmp_path / "net.safetensors", "its header claims 1099511627776 bytes")
