"""Images that lie in several files: their values side by side, and files that do not fit together."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from measured_files import write_nifti

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.bounded import TooLarge
from gan_style.files.regions import open_regions
from gan_style.files.several import Several
from gan_style.files.volumes import Volume


def values(number: int, channels: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(number).uniform(0, 500, (30, 40, channels)).astype(dtype)


def written(folder: Path, *arrays: np.ndarray) -> Several:
    paths = tuple(folder / f"{number}.npy" for number in range(len(arrays)))
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    return Several(paths)


def test_channels_follow_one_another_at_once_and_by_regions(tmp_path: Path) -> None:
    parts = values(0, 1), values(1, 3), values(2, 2)
    image, whole = written(tmp_path, *parts), np.concatenate(parts, axis=2)
    header = images.probe(image, raw=True)
    assert (header.width, header.height, header.channels) == (40, 30, 6)
    np.testing.assert_array_equal(images.read(image, 6, raw=True).pixels, whole)
    with open_regions(image, 6, raw=True) as reader:
        assert (reader.height, reader.width) == (30, 40)
        np.testing.assert_array_equal(reader.read(5, 7, 10, 20), whole[5:15, 7:27])


def test_files_of_any_formats_are_one_image(tmp_path: Path) -> None:
    rgb, more = values(0, 3, "uint8"), values(1, 1, "uint8")
    images.write(tmp_path / "x.png", rgb)
    tifffile.imwrite(tmp_path / "x.tif", more[..., 0], metadata=None)
    found = images.read(Several((tmp_path / "x.png", tmp_path / "x.tif")), 4, raw=True).pixels
    np.testing.assert_array_equal(found, np.concatenate([rgb, more], axis=2))


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (values(1, 1)[:20], r"1\.npy: has 40 x 20 pixels, but .*0\.npy, another file of the same image, has 40 x 30 pixels"),
        (values(1, 1, "int16"), r"1\.npy: has int16 values, but .*0\.npy, .* has float32 values; store both as one type"),
        (
            values(1, 2),
            r"0\.npy \+ .*1\.npy: have 1 \+ 2 = 3 channels of values, but 2 are read; replace the file",
        ),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path: Path, second: np.ndarray, told: str) -> None:
    image = written(tmp_path, values(0, 1), second)
    with pytest.raises(UserError, match=told):
        images.read(image, 2, raw=True)
    with pytest.raises(UserError, match=told):
        open_regions(image, 2, raw=True)


def test_values_of_no_data_must_agree(tmp_path: Path) -> None:
    paths = tmp_path / "x.tif", tmp_path / "y.tif"
    for path, nodata in zip(paths, ("-9999", "0"), strict=True):
        tifffile.imwrite(path, values(0, 1)[..., 0], metadata=None, extratags=[(42113, 2, len(nodata) + 1, nodata, True)])
    with pytest.raises(UserError, match=r"y\.tif: has 0 as its value of no data, but .*x\.tif, .* has -9999 as its value"):
        images.read(Several(paths), 2, raw=True)


def test_files_together_are_bounded_as_one_is(tmp_path: Path) -> None:
    image = written(tmp_path, *(values(number, 4) for number in range(8)))
    images.read(image, 32, raw=True, max_pixels=200_000)
    with pytest.raises(TooLarge, match=r"claim 40 x 30, more than the 60000 pixels allowed"):
        images.read(image, 32, raw=True, max_pixels=60_000)
    images.read(image.files[0], 4, raw=True, max_pixels=60_000)


def test_several_files_are_no_colours(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="several files of one image are measurements; set the domain's range"):
        images.read(written(tmp_path, values(0, 1, "uint8"), values(1, 1, "uint8")), 2)


def test_volumes_side_by_side(tmp_path: Path) -> None:
    parts = [np.random.default_rng(number).uniform(0, 9, (12, 10, 4)).astype(np.float32) for number in range(2)]
    paths = tuple(write_nifti(tmp_path / f"{number}.nii.gz", part) for number, part in enumerate(parts))
    with Volume(Several(paths), 2) as volume:
        for depth in range(4):
            np.testing.assert_array_equal(volume.read(depth), np.stack([part[:, :, depth].T for part in parts], axis=2))
    write_nifti(paths[1], parts[1][:, :, :3])
    with pytest.raises(UserError, match=r"1\.nii\.gz: has 12 x 10 x 3 pixels, but .*0\.nii\.gz, .* has 12 x 10 x 4 pixels"):
        Volume(Several(paths), 2)


def test_volumes_that_lie_elsewhere_are_refused(tmp_path: Path) -> None:
    import nibabel

    part = np.zeros((12, 10, 4), np.float32)
    first = write_nifti(tmp_path / "0.nii", part)
    nibabel.Nifti1Image(part, np.diag([2.0, 2, 2, 1])).to_filename(tmp_path / "1.nii")
    with pytest.raises(UserError, match=r"1\.nii: its voxels lie elsewhere than those of .*0\.nii"):
        Volume(Several((first, tmp_path / "1.nii")), 2)
