"""Cutting volumes into files of one slice, which training reads."""

from pathlib import Path

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.kinds import suffix_of
from gan_style.files.volumes import VOLUME_SUFFIXES, Volume
from gan_style.terminal.progress import Progress


def cut_volumes(root: Path, output: Path, overwrite: bool) -> tuple[int, int]:
    """Write each slice of the NIfTI volumes below `root` as OUTPUT/the volume's path without suffix/0000.nii.gz and on, in its place.

    Returns the numbers of volumes and of slices. `UserError` if there are no volumes, or if a file exists and `overwrite` is False.
    """
    volumes = [path for path in images.find_images(root) if suffix_of(path.name) in VOLUME_SUFFIXES]
    if not volumes:
        raise UserError(f"{root}: holds no volumes (files that end in {' '.join(sorted(VOLUME_SUFFIXES))}); check the path")
    count = 0
    for folder, path in Progress("cutting", "volumes", len(volumes)).over(_folders(root, volumes).items()):
        with Volume(root / path) as volume:
            for depth in range(volume.slices):
                target = output / folder / f"{depth:04}.nii.gz"
                if target.exists() and not overwrite:
                    raise UserError(f"{target}: exists; take --overwrite, or another --output")
                images.write(target, volume.read(depth), metadata=volume.metadata_of(depth))
                count += 1
    return len(volumes), count


def _folders(root: Path, volumes: list[Path]) -> dict[Path, Path]:
    """The folder of each volume's slices -> the volume. `UserError` if two would have one folder."""
    folders: dict[Path, Path] = {}
    for path in volumes:
        folder = path.parent / path.name[: -len(suffix_of(path.name))]
        if folder in folders:
            raise UserError(f"{root / path}: would have the folder of {root / folders[folder]}; keep one of them")
        folders[folder] = path
    return folders
