"""Cutting volumes into files of one slice, which training reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.kinds import suffix_of
from gan_style.files.volumes import VOLUME_SUFFIXES, Volume, is_volume
from gan_style.terminal.progress import Progress


def cut_volumes(root: Path, output: Path, overwrite: bool) -> tuple[int, int]:
    """Write each slice of the volumes below `root` as OUTPUT/the volume's path without suffix/0000.nii.gz and on, in its place.

    Volumes are NIfTI files, and DICOM files of several frames.
    Returns the numbers of volumes and of slices. `UserError` if there are no volumes, if a file exists and `overwrite` is False, if slices
    of an earlier cut would stay among the new ones, or if `output` is `root`, whose volumes then were training images too. A volume that
    is damaged leaves no slices.
    """
    if output.resolve() == root.resolve():
        raise UserError(f"--output {output}: is the folder of the volumes, which training would read too; give another folder")
    volumes = [path for path in images.find_images(root) if suffix_of(path.name) in VOLUME_SUFFIXES or is_volume(root / path)]
    if not volumes:
        raise UserError(f"{root}: holds no volumes (NIfTI files, or DICOM files of several frames); check the path")
    count = 0
    for folder, path in Progress("cutting", "volumes", len(volumes)).over(_folders(root, volumes).items()):
        with Volume(root / path) as volume, _removed_after_a_failure() as written:
            targets = [output / folder / f"{depth:04}.nii.gz" for depth in range(volume.slices)]
            if more := next((each for each in _slices(output / folder) if each not in {*targets}), None):
                raise UserError(f"{more}: is no slice of {root / path}, which would lie beside it; remove it, or take another --output")
            for depth, target in enumerate(targets):
                if target.exists() and not overwrite:
                    raise UserError(f"{target}: exists; take --overwrite, or another --output")
                images.write(target, volume.read(depth), metadata=volume.metadata_of(depth))
                written.append(target)
            count += volume.slices
    return len(volumes), count


def _slices(folder: Path) -> list[Path]:
    """The files in a folder that an earlier cut may have written."""
    return sorted(path for path in folder.glob("*.nii.gz") if path.name.removesuffix(".nii.gz").isdecimal())


@contextmanager
def _removed_after_a_failure() -> Iterator[list[Path]]:
    """Yield a list for the files that are written; they are removed if the block fails."""
    written: list[Path] = []
    try:
        yield written
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _folders(root: Path, volumes: list[Path]) -> dict[Path, Path]:
    """The folder of each volume's slices -> the volume. `UserError` if two would have one folder."""
    folders: dict[Path, Path] = {}
    for path in volumes:
        folder = path.parent / path.name[: -len(suffix_of(path.name))]
        if folder in folders:
            raise UserError(f"{root / path}: would have the folder of {root / folders[folder]}; keep one of them")
        folders[folder] = path
    return folders
