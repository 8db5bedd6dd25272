"""Image files that cannot be read or written are named in one line."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import random_pixels
from PIL import Image

from gan_style.errors import UserError
from gan_style.files import images


def png_header(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that claims a size and holds `data` (compressed) as its pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def bad_files() -> dict[str, tuple[str, bytes]]:
    noise = Image.fromarray(random_pixels(64, 64, 3))
    streams = {kind: io.BytesIO() for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP")}
    for kind, stream in streams.items():
        noise.save(stream, kind)
    whole = {kind: stream.getvalue() for kind, stream in streams.items()}
    deep = cv2.imencode(".png", random_pixels(64, 64, 3, 16))[1].tobytes()
    floats = cv2.imencode(".tif", np.zeros((4, 4), np.float32))[1].tobytes()
    return {
        "half.jpg": ("cut short", whole["JPEG"][: len(whole["JPEG"]) // 2]),
        "half.png": ("cut short", whole["PNG"][: len(whole["PNG"]) // 2]),
        "half16.png": ("cut short", deep[: len(deep) // 2]),
        "half.webp": ("half.webp: ", whole["WEBP"][: len(whole["WEBP"]) // 2]),
        "half.tif": ("half.tif: ", whole["TIFF"][: len(whole["TIFF"]) // 2]),
        "half.bmp": ("cut short", whole["BMP"][: len(whole["BMP"]) // 2]),
        "start.jpg": ("start.jpg: ", whole["JPEG"][:30]),
        "start.png": ("start.png: ", whole["PNG"][:20]),
        "empty.png": ("empty", b""),
        "text.png": ("not an image", b"a picture of a cat\n" * 40),
        "huge.png": ("pixels allowed", png_header(200_000, 200_000)),
        "large.png": ("pixels allowed", png_header(12_000, 12_000)),
        "hollow.png": ("cut short", png_header(300, 300, zlib.compress(b"\0" * 50))),
        "float.tif": ("convert it", floats),
        "vector.png": ("not an image", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"),
        "deep.ppm": ("convert it", cv2.imencode(".ppm", random_pixels(4, 4, 3, 16))[1].tobytes()),
    }


@pytest.mark.parametrize("name", bad_files())
def test_bad_files_are_named_in_one_line(tmp_path: Path, name: str) -> None:
    reason, data = bad_files()[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UserError, match=reason) as caught:
        images.read(path, 3)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.png: cannot be opened"):
        images.read(tmp_path / "no.png", 3)
    with pytest.raises(UserError, match="cannot be opened"):
        images.probe(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        images.find_images(tmp_path / "nowhere")


def test_write_refuses_what_a_format_cannot_hold(tmp_path: Path) -> None:
    for name, pixels in [("x.jpg", random_pixels(2, 2, 3, 16)), ("x.jpg", random_pixels(2, 2, 4)), ("x.gif", random_pixels(2, 2, 3))]:
        with pytest.raises(UserError, match=r"use .*\.png"):
            images.write(tmp_path / name, pixels)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        images.write(tmp_path / "file" / "x.png", random_pixels(2, 2, 3))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("name", "width"), [("x.webp", 16384), ("x.jpg", 65536)])
def test_sides_that_a_format_cannot_hold(tmp_path: Path, name: str, width: int) -> None:
    with pytest.raises(UserError, match=rf"{name}: {width} x 1 pixels do not fit this format .*; use \.png"):
        images.write(tmp_path / name, np.zeros((1, width, 3), np.uint8))
