"""What a file is that is no picture: told by its name, else by its first bytes, and said with what to do."""

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from gan_style.commands.evaluate import evaluate_command
from gan_style.datasets.check import check
from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.formats import format
from gan_style.files.kinds import IMAGE_SUFFIXES, advice, is_image, is_image_name, kind_of, kind_of_bytes, kind_of_name


def encoded(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def saved(value: object, **options: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a.txt", "a")
    return stream.getvalue()


def nifti() -> bytes:
    return struct.pack("<i", 348) + bytes(340) + b"ni1\0" + bytes(500)


def box(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(12)


OTHERS = {  # name -> its bytes, the words that say what it is, the words that say what to do
    "clip.mp4": (box(b"isom"), "a video", "mkdir -p frames && ffmpeg -i clip.mp4 frames/%06d.png"),
    "clip.mkv": (b"\x1a\x45\xdf\xa3" + bytes(40), "a video", "ffmpeg"),
    "clip.avi": (b"RIFF\x10\0\0\0AVI LIST" + bytes(40), "a video", "ffmpeg"),
    "net.pth": (saved({"w": torch.zeros(2)}), "weights of PyTorch", "--model"),
    "old.pt": (saved({"w": torch.zeros(2)}, _use_new_zipfile_serialization=False), "weights of PyTorch", "--model"),
    "a2b.safetensors": (save({"w": torch.zeros(2)}), "safetensors", "--model"),
    "net.onnx": (b"\x08\x08\x12\x07pytorch" + bytes(20), "a network in ONNX", "--model"),
    "brain.img": (nifti(), "a medical volume in two files", "nii.gz"),
    "x.pdf": (b"%PDF-1.7\n" + bytes(40), "a PDF", "pdftoppm -png x.pdf x"),
    "x.svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "a drawing", "x.png"),
    "x.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript", "x.png"),
    "x.psd": (b"8BPS\0\1" + bytes(40), "layers", "PNG"),
    "IMG_1.HEIC": (box(b"heic"), "a HEIC picture", "heif-convert IMG_1.HEIC IMG_1.png"),
    "x.jxl": (b"\xff\x0a" + bytes(40), "a JPEG XL picture", "djxl x.jxl x.png"),
    "x.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "a JPEG 2000 picture", "convert it"),
    "x.exr": (b"v/1\1" + bytes(40), "high dynamic range", "16 bits"),
    "x.zip": (archive(), "an archive", "unpack it"),
    "x.html": (b"<!DOCTYPE html>\n<html><body>404</body></html>", "a web page", "download"),
    "notes.txt": ("ein Verzeichnis der Bilder, schön\n".encode(), "a text", "remove it"),
    "pairs.jsonl": (json.dumps({"a": "1.png"}).encode(), "a table", "data.root"),
}
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
ONLY_BY_NAME = ("net.pth", "net.onnx", "pairs.jsonl")  # their first bytes are those of archives, texts, of nothing


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_that_is_no_picture_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    data, what, to_do = OTHERS[name]
    (tmp_path / name).write_bytes(data)
    for look in (images.probe, lambda path: images.read(path, 3)):
        with pytest.raises(UserError) as caught:
            look(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: is ") and what in str(caught.value) and to_do in str(caught.value)
    kind = kind_of(tmp_path / name)
    assert kind is not None and what in kind.name and not is_image_name(name)


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in ONLY_BY_NAME])
def test_its_first_bytes_tell_it_under_the_name_of_a_picture(tmp_path: Path, name: str) -> None:
    data, what, _ = OTHERS[name]
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(UserError, match=r"x\.jpg: is ") as caught:
        images.read(tmp_path / "x.jpg", 3)
    assert what in str(caught.value)


def test_checks_and_measurements_say_so_too(tmp_path: Path) -> None:
    for folder in ("trainA", "trainB"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(encoded("PNG"))
    (tmp_path / "trainB" / "x.png").write_bytes(OTHERS["clip.mp4"][0])
    problem, *_ = check(tmp_path, workers=1).problems
    assert problem.startswith(
        f"{tmp_path}/trainB/x.png: is a video, not an image that is read; take its frames out: mkdir -p frames && ffmpeg -i x.png"
    )
    options = ["--results", str(tmp_path / "trainB"), "--truth", str(tmp_path / "trainA"), "--metrics", "l1", "--device", "cpu"]
    with pytest.raises(UserError, match=r"trainB/x\.png: is a video"):
        evaluate_command(options)


def test_a_placeholder_of_git_lfs_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(LFS)
    with pytest.raises(UserError, match="git lfs pull"):
        images.read(tmp_path / "x.png", 3)


def test_a_name_is_quoted_as_a_shell_takes_it() -> None:
    kind = kind_of_name("my {0} clip.mp4")
    assert kind is not None and "ffmpeg -i 'my {0} clip.mp4' frames" in advice(kind, "my {0} clip.mp4")


@pytest.mark.parametrize("data", [encoded(kind) for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "AVIF", "PPM")])
def test_first_bytes_of_pictures(data: bytes) -> None:
    assert is_image(data[:16]) and kind_of_bytes(data[:512]) is None


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_no_suffix_of_a_picture_is_another_kind(suffix: str) -> None:
    assert is_image_name(f"X{suffix.upper()}") and kind_of_name(f"x{suffix}") is None


def test_what_nothing_tells_is_none(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(range(200, 256)))
    (tmp_path / "empty").touch()
    for name in ("x", "empty", "missing", "."):
        assert kind_of(tmp_path / name) is None


WRONG = [("PNG", "x.jpg"), ("AVIF", "x.jpg"), ("AVIF", "x.png"), ("GIF", "x.png"), ("JPEG", "x.gif"), ("WEBP", "x.tif"), ("TIFF", "x")]


@pytest.mark.parametrize(("kind", "name"), WRONG)
def test_a_picture_under_a_wrong_suffix_is_read(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / name).write_bytes(encoded(kind))
    assert images.probe(tmp_path / name).width == 16
    assert np.abs(images.read(tmp_path / name, 3).pixels.astype(int) - [0, 128, 128]).max() <= 3


@pytest.mark.parametrize("suffix", [".jpe", ".jfif", ".gif", ".avif", ".apng", ".dib", ".pbm", ".pnm"])
def test_these_are_found_in_a_folder_and_read(tmp_path: Path, suffix: str) -> None:
    kind = {".jpe": "JPEG", ".jfif": "JPEG", ".apng": "PNG", ".dib": "BMP", ".pbm": "PPM", ".pnm": "PPM"}.get(suffix, suffix[1:].upper())
    picture = Image.new("1" if suffix == ".pbm" else "RGB", (16, 16), "white")
    picture.save(tmp_path / f"x{suffix}", kind)
    assert images.find_images(tmp_path) == [Path(f"x{suffix}")]
    assert images.read(tmp_path / f"x{suffix}", 3).pixels.min() >= 254


def frames(kind: str, count: int, **options: object) -> bytes:
    pictures = [Image.new("RGB", (16, 16), colour) for colour in ("teal", "red", "gold")]
    return encoded(kind, save_all=True, append_images=pictures[1:count], **options)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_the_first_of_several_frames_is_read_and_the_header_says_that_there_are_more(kind: str) -> None:
    for count in (1, 3):
        data = images.Encoded("x", frames(kind, count))
        assert images.probe(data).several == (count > 1)
        assert np.abs(images.read(data, 3).pixels.astype(int) - [0, 128, 128]).max() <= 3


def test_that_the_first_of_several_is_read_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(format, "_told_of_several", [])
    data = frames("GIF", 3)
    with pytest.warns(UserWarning, match=r"a\.gif: holds several pages or frames, of which the first is read") as told:
        for name in ("a.gif", "b.gif"):
            images.read(images.Encoded(name, data), 3)
    assert len(told) == 1


def test_a_gif_without_a_palette_is_gray_and_one_with_a_palette_may_be_a_label_map(tmp_path: Path) -> None:
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(tmp_path / "gray.gif")
    assert not images.read(tmp_path / "gray.gif", 1).labels
    assert images.read(tmp_path / "gray.gif", 1).pixels[3, 4, 0] == 52
    Image.new("RGB", (4, 4), "teal").quantize(8).save(tmp_path / "map.gif")
    assert images.read(tmp_path / "map.gif", 3).labels
