"""The demo sets of measurements: what their files hold, read by programs that are not ours."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image

from gan_style.demo import sets
from gan_style.demo.phantom import Patient
from gan_style.demo.scene import draw_scene


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "phantom"
    sets.draw_phantoms(root, train=6, val=3, size=64)
    return root


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "scene"
    sets.draw_scenes(root, train=2, val=1, size=64)
    return root


@pytest.mark.parametrize("draw", [sets.draw_phantoms, sets.draw_scenes])
def test_a_seed_draws_the_same_bytes_and_another_one_others(draw: object, tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        draw(tmp_path / name, train=1, val=1, size=48, seed=seed)  # type: ignore[operator]
    one, same, other = (files(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same and one.keys() == other.keys() and not any(one[name] == other[name] for name in one if "Mask" not in name)


def test_the_files_of_a_slice_have_one_name_and_no_patient_is_in_both_splits(phantom: Path) -> None:
    for split, count in (("train", 6), ("val", 3)):
        names = {folder: sorted(path.stem for path in (phantom / f"{split}{folder}").iterdir()) for folder in ("A1", "A2", "B", "Mask")}
        assert len(names["B"]) == count and all(each == names["B"] for each in names.values())
    patients = [{path.name.split("_")[1] for path in (phantom / f"{split}B").iterdir()} for split in ("train", "val")]
    assert not patients[0] & patients[1]


def test_a_phantom_has_air_around_a_body_whose_tissues_the_contrasts_tell_apart(phantom: Path) -> None:
    for path in (phantom / "trainB").iterdir():
        ct = tifffile.imread(path)
        t1, t2 = (tifffile.imread(phantom / f"train{folder}" / path.name) for folder in ("A1", "A2"))
        body = np.asarray(Image.open(phantom / f"trainMask/{path.stem}.png"))
        assert (ct.dtype, t1.dtype, t2.dtype, body.dtype) == (np.int16, np.float32, np.float32, np.uint8)
        assert set(np.unique(body)) == {0, 255} and 0.15 < (body == 255).mean() < 0.6
        assert np.abs(np.median(ct[body == 0]) + 1000) < 15 and ct.min() >= -1024 and ct.max() > 400
        inside, bone, lung = body == 255, ct > 500, (ct < -700) & (body == 255)
        assert max(t1[bone].mean(), t1[lung].mean()) < 0.6 * t1[inside & ~lung].mean()
        assert t1.min() >= 0 and t2[inside].max() > 2.5 * np.median(t2[inside & (ct > 0) & (ct < 100)])


def test_slices_that_lie_close_are_alike() -> None:
    patient = Patient(np.random.default_rng(0))
    near, nearer, far = (patient.slice(depth, 64, np.random.default_rng(1)).ct.astype(float) for depth in (0.5, 0.53, 0.95))
    assert 0 < np.abs(near - nearer).mean() < np.abs(near - far).mean() / 2


def test_scenes_lie_beside_one_another_on_the_earth(scene: Path) -> None:
    places = []
    for split, number in (("train", 1), ("train", 2), ("val", 3)):
        with rasterio.open(scene / f"{split}A/scene_{number:04d}.tif") as bands:
            assert bands.crs == rasterio.crs.CRS.from_epsg(32632) and bands.dtypes == ("uint16",) * 5
            places.append(bands.bounds)
        with rasterio.open(scene / f"{split}B/scene_{number:04d}.tif") as warmth:
            assert warmth.bounds == places[-1] and warmth.dtypes == ("float32",)
            kelvin = warmth.read(1)
        assert 275 < kelvin.min() < kelvin.max() < 325
    assert all(place.right - place.left == place.top - place.bottom == 640 for place in places)
    assert all(one.right == other.left for one, other in itertools.pairwise(places))


def test_growth_and_moisture_cool_the_ground_as_the_bands_show() -> None:
    drawn = [draw_scene(np.random.default_rng(number), 64) for number in range(4)]
    bands = np.concatenate([each.bands.reshape(-1, 5) for each in drawn]).astype(float)
    kelvin = np.concatenate([each.temperature.ravel() for each in drawn])
    land = bands[:, 3] > 1000
    greenness = (bands[:, 3] - bands[:, 2]) / (bands[:, 3] + bands[:, 2])
    assert np.corrcoef(greenness[land], kelvin[land])[0, 1] < -0.3
    assert np.corrcoef(bands[land, 4], kelvin[land])[0, 1] > 0.5
