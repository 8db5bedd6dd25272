"""An answer is the file that infer.py writes with the same options, to the byte."""

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from served import Served, served
from tiny_bundles import RESNET_INSTANCE, UNET_BATCH, pixels, tiny_bundle

from gan_style.commands.infer import infer_command
from gan_style.files import images
from gan_style.tiling.tiled import Tiling

Query = dict[str, Any]
BUNDLES: dict[str, dict[str, Any]] = {
    "photos": {"generator": UNET_BATCH},
    "gray": {"generator": RESNET_INSTANCE, "in_channels": 1, "out_channels": 1},
    "labels": {"generator": RESNET_INSTANCE, "labels": "yes"},
    "values": {
        **{"generator": RESNET_INSTANCE, "in_channels": 1, "out_channels": 1},
        **{"values_in": {"low": 0, "high": 255}, "values_out": {"low": -1000, "high": 2000, "type": "int16"}},
    },
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return {name: tiny_bundle(folder / f"{name}.safetensors", **keys) for name, keys in BUNDLES.items()}


@pytest.fixture(scope="module")
def server(bundles: dict[str, Path]) -> Iterator[Served]:
    with served(bundles) as running:
        yield running


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def written(folder: Path, name: str, array: np.ndarray) -> bytes:
    images.write(folder / name, array, (300.0, 150.0))
    return (folder / name).read_bytes()


PHOTO = Image.fromarray(pixels(30, 41))
PICTURES: dict[str, Callable[[Path], bytes]] = {
    "photo.png": lambda folder: written(folder, "a.png", pixels(30, 41)),
    "photo.jpg": lambda folder: encoded(PHOTO, "JPEG", exif=exif(6), dpi=(72, 36)),
    "alpha.png": lambda folder: written(folder, "b.png", pixels(21, 22, 4)),
    "deep.png": lambda folder: written(folder, "c.png", pixels(18, 27, 3, 16)),
    "deep_gray.tif": lambda folder: written(folder, "d.tif", pixels(33, 20, 1, 16)),
    "palette.gif": lambda folder: encoded(PHOTO.quantize(7), "GIF"),
    "picture.webp": lambda folder: encoded(PHOTO, "WEBP", lossless=True),
    "picture.bmp": lambda folder: encoded(PHOTO, "BMP"),
    "picture.ppm": lambda folder: encoded(PHOTO, "PPM"),
    "gray.pgm": lambda folder: encoded(PHOTO.convert("L"), "PPM"),
    "one.png": lambda folder: encoded(Image.new("RGB", (1, 1), "red"), "PNG"),
}


def inferred(folder: Path, bundle: Path, picture: bytes, name: str, options: Sequence[str] = ()) -> bytes:
    """The file that infer.py writes."""
    (folder / "in").mkdir()
    (folder / "in" / name).write_bytes(picture)
    command = ["--model", bundle, "--input", folder / "in" / name, "--output", folder / "out", "--device", "cpu", *options]
    assert infer_command([str(word) for word in command]) == 0
    [result] = (folder / "out").iterdir()
    return result.read_bytes()


def options_of(query: Query) -> list[str]:
    """The query as options of infer.py."""
    words: list[str] = []
    for name, value in query.items():
        words += [f"--{name.replace('_', '-')}", *([] if value == "true" else [str(value)])]
    return words


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("model", ["photos", "gray", "labels"])
@pytest.mark.parametrize("format", ["png", "keep"])
def test_every_kind_of_picture(name: str, model: str, format: str, server: Served, bundles: dict[str, Path], tmp_path: Path) -> None:
    picture = PICTURES[name](tmp_path)
    answer = server.translate(picture, model=model, format=format)
    if (name, format) == ("gray.pgm", "keep") and model != "gray":
        assert answer.status_code == 422 and "3 channels do not fit this format" in answer.json()["error"]
        return
    assert answer.status_code == 200, answer.text
    assert answer.content == inferred(tmp_path, bundles[model], picture, name, ["--format", format])


@pytest.mark.parametrize(
    "query",
    [
        {"resize": "train"},
        {"resize": "train", "keep_resized": "true"},
        {"resize": 19, "keep_resized": "true"},
        {"resize": 64},
        {"png_compression": 9},
        {"format": "jpg"},
        {"format": "webp"},
        {"format": "tiff"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["photo.jpg", "alpha.png", "deep.png"])
def test_every_option(query: Query, name: str, server: Served, bundles: dict[str, Path], tmp_path: Path) -> None:
    picture = PICTURES[name](tmp_path)
    answer = server.translate(picture, model="photos", **query)
    assert answer.status_code == 200, answer.text
    assert answer.content == inferred(tmp_path, bundles["photos"], picture, name, options_of(query))
    assert answer.headers["content-type"] == f"image/{ {'jpg': 'jpeg'}.get(query.get('format', 'png'), query.get('format', 'png')) }"


def test_measurements_are_answered_in_a_format_that_holds_them(server: Served, bundles: dict[str, Path], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.linspace(0, 255, 600, dtype=np.float32).reshape(20, 30))
    sent = (tmp_path / "x.npy").read_bytes()
    answer = server.translate(sent, model="values")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/tiff"), answer.text
    assert answer.content == inferred(tmp_path, bundles["values"], sent, "x.npy", ["--format", "tiff"])
    refused = server.translate(sent, model="values", format="png")
    assert refused.status_code == 400 and "int16 values in 1 channel, which it does not hold" in refused.json()["error"]


def test_a_multipart_form(server: Served, bundles: dict[str, Path], tmp_path: Path) -> None:
    picture = PICTURES["photo.png"](tmp_path)
    answer = server.client.post("/translate", params={"model": "photos"}, files={"image": ("../../etc/passwd", picture, "image/png")})
    assert answer.content == inferred(tmp_path, bundles["photos"], picture, "photo.png")


def test_requests_at_once_get_their_own_answers(server: Served, bundles: dict[str, Path], tmp_path: Path) -> None:
    """Whatever comes together, of several sizes and for several models."""
    sent = [
        (encoded(Image.fromarray(pixels(20 + number % 3, 24, seed=number)), "PNG"), ["photos", "gray"][number % 2]) for number in range(24)
    ]
    alone = [server.translate(picture, model=model).content for picture, model in sent]
    with ThreadPoolExecutor(12) as threads:
        together = list(threads.map(lambda each: server.translate(each[0], model=each[1]).content, sent))
    assert together == alone and len(set(alone)) == len(sent)


def test_a_picture_by_regions(bundles: dict[str, Path], tmp_path: Path) -> None:
    """As where the memory is short."""
    picture = encoded(Image.fromarray(pixels(90, 130)), "PNG")
    with served(bundles) as server:
        server.service.models["labels"].predictor.tiling = Tiling(tile=48)
        answer = server.translate(picture, model="labels")
    assert answer.content == inferred(tmp_path, bundles["labels"], picture, "large.png", ["--tile", "48"])
