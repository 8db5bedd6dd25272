"""The demo sets: what is in the files, that the same seed gives the same bytes, and that a set is whole or not there."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from gan_style.demo import sets as demo
from gan_style.demo.canvas import shift, to_bytes, value_noise
from gan_style.demo.landscape import draw_landscape
from gan_style.demo.landscape_looks import AUTUMN_DUSK, SUMMER
from gan_style.demo.street_map import PALETTE, Street, StreetClass
from gan_style.demo.street_plan import plan_street
from gan_style.demo.street_render import render_street
from gan_style.errors import UserError

SIZE = 48


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "paired"
    demo.draw_paired(root, train=12, val=4, size=SIZE, seed=3)
    return root


@pytest.fixture(scope="module")
def unpaired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "unpaired"
    demo.draw_unpaired(root, train=4, val=2, size=SIZE, seed=3)
    return root


def test_label_maps_are_palette_pngs(paired: Path) -> None:
    seen: set[int] = set()
    for path in sorted(paired.glob("*A/*")):
        with Image.open(path) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (SIZE, SIZE))
            palette = picture.getpalette()
            assert palette is not None and palette[: 3 * len(PALETTE)] == [value for colour in PALETTE for value in colour]
        seen |= set(np.unique(pixels(path)).tolist())
    assert seen == set(range(len(StreetClass)))


def test_label_map_is_the_plan_of_its_number(paired: Path) -> None:
    plan = plan_street(demo._generator(3, "demo street", 5), SIZE).label_map()
    assert np.array_equal(pixels(paired / "trainA/facade_0005.png"), plan)


def test_palette_is_clear() -> None:
    colours = np.array(PALETTE, int)
    assert colours.shape == (len(StreetClass), 3)
    distances = np.abs(colours[:, None] - colours[None]).max(2) + 255 * np.eye(len(colours), dtype=int)
    assert distances.min() >= 30


def test_pictures_are_sharp_jpegs(paired: Path) -> None:
    for path in paired.glob("*B/*"):
        with Image.open(path) as picture:
            assert isinstance(picture, JpegImageFile)
            assert (picture.mode, picture.size) == ("RGB", (SIZE, SIZE))
            # The first entry of the luminance table is 16 at quality 50 and 3 at 92; no colour is thinned out.
            assert picture.quantization[0][0] == 3
            assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3


def test_stems_pair_up_and_splits_are_disjoint(paired: Path) -> None:
    stems = {folder: {path.stem for path in (paired / folder).iterdir()} for folder in ("trainA", "trainB", "valA", "valB")}
    assert sorted(path.name for path in paired.iterdir()) == sorted(stems)
    assert stems["trainA"] == stems["trainB"] == {f"facade_{n:04d}" for n in range(1, 13)}
    assert stems["valA"] == stems["valB"] == {f"facade_{n:04d}" for n in range(13, 17)}
    assert len({path.read_bytes() for path in paired.glob("*A/*")}) == 16


def test_unpaired_scenes_are_all_different(unpaired: Path) -> None:
    names = {folder: sorted(path.name for path in (unpaired / folder).iterdir()) for folder in ("trainA", "trainB", "valA", "valB")}
    assert names["trainA"] == [f"summer_{n:04d}.jpg" for n in range(1, 5)]
    assert names["valA"] == [f"summer_{n:04d}.jpg" for n in (5, 6)]
    assert names["trainB"] == [f"autumn_{n:04d}.jpg" for n in range(1, 5)]
    assert names["valB"] == [f"autumn_{n:04d}.jpg" for n in (5, 6)]
    # Every scene, A's under B's look: no two are alike, so no picture of B shows what one of A shows.
    scenes = [
        draw_landscape(demo._generator(3, "demo landscape", name, number), AUTUMN_DUSK, SIZE)
        for name in ("summer", "autumn")
        for number in range(1, 7)
    ]
    for i, scene in enumerate(scenes):
        for other in scenes[:i]:
            assert np.abs(scene - other).mean() > 0.03
    own = pixels(unpaired / "valB/autumn_0006.jpg").astype(int)
    assert np.abs(own - to_bytes(scenes[-1])).mean() < 4


def test_looks_differ_in_colour_not_in_scene() -> None:
    day, dusk = (draw_landscape(np.random.default_rng(8), look, SIZE) for look in (SUMMER, AUTUMN_DUSK))
    assert day[: SIZE // 4, :, 2].mean() > day[: SIZE // 4, :, 0].mean() + 0.15  # a blue sky
    assert dusk[SIZE // 3 : SIZE // 2, :, 0].mean() > dusk[SIZE // 3 : SIZE // 2, :, 2].mean() + 0.05  # a warm horizon
    edges = [np.abs(np.diff(image.mean(2), axis=0))[SIZE // 2 :].ravel() for image in (day, dusk)]
    other = np.abs(np.diff(draw_landscape(np.random.default_rng(9), AUTUMN_DUSK, SIZE).mean(2), axis=0))[SIZE // 2 :].ravel()
    assert np.corrcoef(edges[0], edges[1])[0, 1] > np.corrcoef(edges[0], other)[0, 1] + 0.2


@pytest.mark.parametrize("draw", [demo.draw_paired, demo.draw_unpaired])
def test_same_seed_same_bytes(draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "first", train=3, val=1, size=40, seed=5)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    draw(tmp_path / "second", train=3, val=1, size=40, seed=5)
    assert files(tmp_path / "first") == files(tmp_path / "second")
    draw(tmp_path / "third", train=3, val=1, size=40, seed=6)
    first, third = files(tmp_path / "first"), files(tmp_path / "third")
    assert first.keys() == third.keys() and not set(first.values()) & set(third.values())


def test_the_seasons_are_a_labelled_set(tmp_path: Path) -> None:
    demo.draw_seasons(tmp_path / "set", train=1, val=1, size=32)
    names = ["autumn", "summer", "winter"]
    expected = {f"{split}/{name}/{name}_{number:04d}.jpg" for split, number in (("train", 1), ("val", 2)) for name in names}
    assert set(files(tmp_path / "set")) == expected
    brightness = [pixels(tmp_path / f"set/train/{name}/{name}_0001.jpg")[20:].mean() for name in names]
    assert max(brightness) == brightness[2], "the winter's ground is white"
    demo.draw_smoke_seasons(tmp_path / "smoke")
    assert [pixels(path).shape[:2] for path in (tmp_path / "smoke").rglob("*.*")] == 9 * [(48, 48)]


def test_the_smoke_set_is_eight_small_pictures(tmp_path: Path) -> None:
    demo.draw_smoke(tmp_path / "smoke")
    assert {path.rpartition("/")[0] for path in files(tmp_path / "smoke")} == {"trainA", "trainB", "valA", "valB"}
    assert [pixels(path).shape[:2] for path in (tmp_path / "smoke").rglob("*.*")] == 8 * [(48, 48)]


def test_styles(tmp_path: Path) -> None:
    for name in ("first", "second"):
        demo.draw_styles(tmp_path / name, size=64)
    assert files(tmp_path / "first") == files(tmp_path / "second")
    assert sorted(files(tmp_path / "first")) == [f"{name}.png" for name in sorted(demo.STYLES)]
    pictures = [pixels(path) for path in sorted((tmp_path / "first").iterdir())]
    for i, picture in enumerate(pictures):
        assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8
        assert picture.std() > 25
        assert all(np.abs(picture.astype(int) - other).mean() > 15 for other in pictures[:i])


@pytest.mark.parametrize("size", [32, 57])
def test_any_size(size: int, tmp_path: Path) -> None:
    demo.draw_paired(tmp_path / "paired", train=1, val=1, size=size)
    demo.draw_unpaired(tmp_path / "unpaired", train=1, val=1, size=size)
    assert {pixels(path).shape[:2] for path in tmp_path.rglob("*.*g")} == {(size, size)}


def test_picture_follows_from_label_map(paired: Path) -> None:
    """The mean colour of each class, learned on trainA/B, explains most of the variance of valB outside the sky."""
    labels, colours = ([pixels(path) for path in sorted((paired / f"train{domain}").iterdir())] for domain in "AB")
    labels, colours = np.stack(labels).ravel(), np.stack(colours).reshape(-1, 3).astype(float)
    means = np.stack([colours[labels == label].mean(0) if (labels == label).any() else colours.mean(0) for label in StreetClass])
    truth = np.stack([pixels(path) for path in sorted((paired / "valB").iterdir())]).astype(float)
    held_out = np.stack([pixels(path) for path in sorted((paired / "valA").iterdir())])
    mask = held_out != StreetClass.SKY
    error, variance = ((truth - means[held_out])[mask] ** 2).mean(), truth[mask].var(0).mean()
    assert error < 0.6 * variance


def test_sun_stands_at_the_upper_left() -> None:
    """An awning on a plain wall: shadow below it and at its right, none above it and at its left; it holds in every picture."""
    for seed in range(3):
        street = Street(np.full((256, 256), StreetClass.PLASTER, np.uint8), [])
        street.box(StreetClass.AWNING, 96, 96, 160, 120)
        gray = render_street(street, np.random.default_rng(seed), 128).astype(float).mean(2)
        wall = gray[20:40].mean()
        assert gray[62:66, 54:78].mean() < 0.8 * wall  # below
        assert gray[52:58, 82].mean() < 0.9 * wall  # right
        assert gray[42:46, 50:78].mean() > 0.9 * wall  # above
        assert gray[50:58, 40:44].mean() > 0.9 * wall  # left


def test_shift_and_noise() -> None:
    field = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert shift(field, 1, 0).tolist() == [[0, 0, 1], [3, 3, 4]]
    assert shift(field, -1, 1).tolist() == [[1, 2, 2], [1, 2, 2]]
    noise = value_noise(np.random.default_rng(0), 200, 300, 5, 20)
    assert noise.shape == (200, 300) and abs(noise.mean() - 0.5) < 0.03
    # Four times as wide as high: so much steeper down than across.
    assert 2.5 < np.abs(np.diff(noise, axis=0)).mean() / np.abs(np.diff(noise, axis=1)).mean() < 5.5


def test_interrupted_drawing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = demo._save, []

    def interrupted(picture: Image.Image, path: Path) -> None:
        calls.append(path)
        if len(calls) == 4:
            raise KeyboardInterrupt
        real(picture, path)

    monkeypatch.setattr(demo, "_save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        demo.draw_paired(tmp_path / "set", train=20, val=2, size=32)
    assert list(tmp_path.iterdir()) == []


def test_root_is_not_there_before_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = demo._save, []

    def watched(picture: Image.Image, path: Path) -> None:
        seen.append((tmp_path / "set").exists())
        real(picture, path)

    monkeypatch.setattr(demo, "_save", watched)
    demo.draw_unpaired(tmp_path / "set", train=2, val=1, size=32)
    assert seen == [False] * 6 and len(files(tmp_path / "set")) == 6


def test_loser_of_a_race_discards_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slower(folder: Path, jobs: list, words: str) -> None:
        (folder / "mine.txt").write_text("mine")
        (tmp_path / "set").mkdir()
        (tmp_path / "set/theirs.txt").write_text("theirs")

    monkeypatch.setattr(demo, "_run", slower)
    demo.draw_styles(tmp_path / "set")
    assert files(tmp_path) == {"set/theirs.txt": b"theirs"}


def test_concurrent_drawings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(demo.DEMO_ROOTS, "data/demo/paired", lambda root: demo.draw_paired(root, train=3, val=1, size=32))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(demo.ensure_demo, ["data/demo/paired"] * 3))
    assert len(files(tmp_path / "data/demo/paired")) == 8
    assert [path.name for path in (tmp_path / "data/demo").iterdir()] == ["paired"]


def test_refuses_an_existing_folder_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for draw in (demo.draw_paired, demo.draw_unpaired, demo.draw_styles):
        with pytest.raises(UserError, match=r"set exists already"):
            draw(tmp_path / "set")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file.set cannot be drawn"):
        demo.draw_styles(tmp_path / "file" / "set", size=32)


def test_ensure_demo_draws_its_own_roots_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"paired", "unpaired", "smoke", "seasons", "smoke-seasons", "styles", "phantom", "scene"}
    assert set(demo.DEMO_ROOTS) == {f"data/demo/{name}" for name in names}
    drawn: list[Path] = []

    def draw(root: Path) -> None:
        drawn.append(root)
        root.mkdir(parents=True)

    monkeypatch.setattr(demo, "DEMO_ROOTS", dict.fromkeys(demo.DEMO_ROOTS, draw))
    for root in ("data/demo", "data/mine", str(tmp_path / "data/demo/paired"), "../data/demo/paired", "data/demo/paired/trainA"):
        demo.ensure_demo(root)
    assert drawn == [] and list(tmp_path.iterdir()) == []
    for _ in range(2):
        demo.ensure_demo("data/demo/paired")
        demo.ensure_demo("./data/demo/unpaired/")
    assert drawn == [Path("data/demo/paired"), Path("data/demo/unpaired")]
