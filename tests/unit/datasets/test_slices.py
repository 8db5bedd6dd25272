"""Volumes cut into files of one slice."""

from pathlib import Path

import numpy as np
import pytest
from measured_files import write_nifti

from gan_style.datasets.slices import cut_volumes
from gan_style.errors import UserError


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name, slices in (("p1.nii.gz", 5), ("p2.nii", 3)):
        (tmp_path / "volumes/trainA").mkdir(parents=True, exist_ok=True)
        write_nifti(tmp_path / "volumes/trainA" / name, np.arange(4 * 6 * slices, dtype=np.int16).reshape(4, 6, slices))
    return tmp_path / "volumes"


def cut(output: Path) -> list[str]:
    return sorted(path.relative_to(output).as_posix() for path in output.rglob("*.*"))


def test_each_slice_is_a_file_in_the_folder_of_its_volume(volumes: Path, tmp_path: Path) -> None:
    assert cut_volumes(volumes, tmp_path / "out", overwrite=False) == (2, 8)
    assert cut(tmp_path / "out") == [f"trainA/{name}/{depth:04}.nii.gz" for name, count in (("p1", 5), ("p2", 3)) for depth in range(count)]


def test_slices_of_a_longer_volume_do_not_stay_among_those_of_a_shorter_one(volumes: Path, tmp_path: Path) -> None:
    cut_volumes(volumes, tmp_path / "out", overwrite=False)
    before = cut(tmp_path / "out")
    with pytest.raises(UserError, match=r"0000\.nii\.gz: exists; take --overwrite"):
        cut_volumes(volumes, tmp_path / "out", overwrite=False)
    write_nifti(volumes / "trainA/p1.nii.gz", np.ones((4, 6, 4), np.int16))
    with pytest.raises(UserError, match=r"trainA/p1/0004\.nii\.gz: is no slice of .*p1\.nii\.gz, which would lie beside it; remove it"):
        cut_volumes(volumes, tmp_path / "out", overwrite=True)
    assert cut(tmp_path / "out") == before
    (tmp_path / "out/trainA/p1/0004.nii.gz").unlink()
    assert cut_volumes(volumes, tmp_path / "out", overwrite=True) == (2, 7)


def test_a_damaged_volume_leaves_no_slices(volumes: Path, tmp_path: Path) -> None:
    damaged = volumes / "trainA/p2.nii"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"p2\.nii: damaged or cut short"):
        cut_volumes(volumes, tmp_path / "out", overwrite=False)
    assert {Path(name).parent.name for name in cut(tmp_path / "out")} == {"p1"}


def test_the_folder_of_the_volumes_is_no_output(volumes: Path) -> None:
    before = cut(volumes)
    with pytest.raises(UserError, match=r"--output .*: is the folder of the volumes"):
        cut_volumes(volumes, volumes / "trainA/..", overwrite=False)
    assert cut(volumes) == before
