"""Styles and domains over HTTP: the same controls as infer's, the same bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pictures import draw_folders, draw_styling
from served import Served, served
from smoke import smoke_arguments
from tiny_bundles import tiny_bundle

from gan_style.bundles.place import find_bundle
from gan_style.commands.infer import infer_command
from gan_style.commands.train import train_command

SIZE = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles named, painter and stars; photo.png, one.png and two.png (styles), left.png and right.png (masks)."""
    root = tmp_path_factory.mktemp("styles")
    data = draw_folders(root / "data", train=4)
    for name, run in (("fast_style", "named"), ("adain", "painter")):
        steps = ["train.steps=2", "train.checkpoint_every=2", "logging.samples=0"]
        assert train_command(smoke_arguments(name, data, root / run, *steps)) == 0
    tiny_bundle(root / "stars" / "bundles" / "a2b.safetensors", method="stargan", keys={"domain_names": ["red", "green"]})
    draw_styling(root, ("photo", "one", "two"), SIZE)
    return root


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    with served({name: find_bundle("--model", folder / name) for name in ("named", "painter", "stars")}, batch_size=4) as running:
        yield running


def post(server: Served, folder: Path, query: dict[str, Any], *files: tuple[str, str]) -> httpx.Response:
    """POST /translate of photo.png, with further files as (field, name)."""
    sent = [(field, (name, (folder / f"{name}.png").read_bytes())) for field, name in (("image", "photo"), *files)]
    return server.client.post("/translate", params=query, files=sent)


@pytest.mark.parametrize(
    ("query", "files", "options"),
    [
        ({"model": "named", "style": "000s"}, [], ["--style", "000s"]),
        (
            {"model": "named", "style": ["000s:0.3", "001s:0.7"], "strength": 0.5},
            [],
            ["--style", "000s:0.3", "001s:0.7", "--strength", "0.5"],
        ),
        ({"model": "named", "style": "000s", "preserve_color": "luminance"}, [], ["--style", "000s", "--preserve-color", "luminance"]),
        ({"model": "named", "style": "000s"}, [("mask", "left")], ["--style", "000s", "--mask", "{}/left.png"]),
        ({"model": "painter"}, [("style", "one")], ["--style", "{}/one.png"]),
        (
            {"model": "painter", "preserve_color": "histogram"},
            [("style", "one")],
            ["--style", "{}/one.png", "--preserve-color", "histogram"],
        ),
        ({"model": "painter", "style_size": 20}, [("style", "one")], ["--style", "{}/one.png", "--style-size", "20"]),
        (
            {"model": "painter", "share": [0.3, 0.7], "strength": 0.8},
            [("style", "one"), ("style", "two")],
            ["--style", "{}/one.png:0.3", "{}/two.png:0.7", "--strength", "0.8"],
        ),
        (
            {"model": "painter"},
            [("style", "one"), ("mask", "left"), ("style", "two"), ("mask", "right")],
            ["--style", "{}/one.png", "{}/two.png", "--mask", "{}/left.png", "{}/right.png"],
        ),
        ({"model": "stars", "to": "green"}, [], ["--to", "green"]),
        (
            {"model": "stars", "to": "red", "resize": "train", "format": "webp"},
            [],
            ["--to", "red", "--resize", "train", "--format", "webp"],
        ),
    ],
    ids=str,
)
def test_the_same_bytes(
    query: dict[str, Any], files: list[tuple[str, str]], options: list[str], server: Served, folder: Path, tmp_path: Path
) -> None:
    answer = post(server, folder, query, *files)
    assert answer.status_code == 200, answer.text
    given = [option.format(folder) for option in options]
    command = ["--model", str(folder / query["model"]), "--input", str(folder / "photo.png"), "--output", str(tmp_path), "--device", "cpu"]
    assert infer_command([*command, *given]) == 0
    [result] = tmp_path.iterdir()
    assert answer.content == result.read_bytes()


@pytest.mark.parametrize(
    ("query", "files", "status", "said"),
    [
        ({"model": "named"}, [], 400, "style: give one of 000s, 001s"),
        ({"model": "named", "style": "000s", "style_size": 20}, [], 400, "style_size: the bundle knows its styles in the size"),
        ({"model": "named", "style": "999s"}, [], 400, "style 999s: the bundle has no such style"),
        ({"model": "named", "style": ["000s:0.3", "001s"]}, [], 400, "style: give every style a share, or none"),
        (
            {"model": "named"},
            [("style", "one")],
            422,
            "style: the bundle knows its styles by name; give one of 000s, 001s instead of a picture",
        ),
        ({"model": "named", "style": "000s"}, [("mask", "left"), ("mask", "right")], 422, "mask: 2 given for 1 style(s)"),
        (
            {"model": "named", "style": "000s"},
            [("mask", "small")],
            422,
            "the picture: multipart field mask: is 40 x 10 pixels, but multipart field image is 40 x 40",
        ),
        ({"model": "painter"}, [], 400, "style: give a style picture"),
        (
            {"model": "painter", "style": "/etc/passwd"},
            [],
            400,
            "style: the model takes pictures of styles; send each as a multipart field style",
        ),
        ({"model": "painter", "share": [0.3, 0.3]}, [("style", "one"), ("style", "two")], 422, "style: the shares sum to 0.6, not to 1"),
        ({"model": "painter", "share": 0.3}, [("style", "one"), ("style", "two")], 400, "share: 1 given for 2 style pictures"),
        ({"model": "stars"}, [], 400, "to: give one of red, green"),
        ({"model": "stars", "to": "gren"}, [], 400, "to gren: the bundle has no such domain, did you mean 'green'?"),
        ({"model": "stars", "to": "green", "style": "x"}, [], 400, "style: a bundle of stargan takes no style"),
    ],
    ids=str,
)
def test_mistakes(query: dict[str, Any], files: list[tuple[str, str]], status: int, said: str, server: Served, folder: Path) -> None:
    answer = post(server, folder, query, *files)
    assert (answer.status_code, answer.json()["error"][: len(said)]) == (status, said)
