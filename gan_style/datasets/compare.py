"""A comparison picture: images of equal stem from several folders, side by side."""

import logging
from pathlib import Path

from gan_style.errors import UserError, one_line
from gan_style.files import images
from gan_style.files.left_out import LeftOut
from gan_style.files.sheet import tile
from gan_style.files.stems import stem

log = logging.getLogger("gan_style")


def comparison_sheet(folders: list[Path], output: Path, rows: int) -> int:
    """Write `output` with a column for each folder and a row for each of the first `rows` stems that all of them have.

    Every image is resized to the smallest one in its row. Returns the number of rows. `UserError` if the folders have no stem in
    common, or a file cannot be read.
    """
    left_out = LeftOut()
    by_stem = [{stem(path.as_posix()): folder / path for path in images.find_images(folder, left_out)} for folder in folders]
    if words := left_out.words():
        log.warning(one_line(f"left out: {words}"))
    common = sorted(set.intersection(*(set(paths) for paths in by_stem)))[:rows]
    if not common:
        raise UserError(f"{', '.join(map(str, folders))}: no image stem is in all of these folders; give folders with images of equal stem")
    sheet = []
    for name in common:
        pictures = [images.read(paths[name], channels=3) for paths in by_stem]
        height, width = min(picture.pixels.shape[:2] for picture in pictures)
        sheet.append([images.resize(picture.pixels, height, width, picture.labels) for picture in pictures])
    images.write(output, tile(sheet))
    return len(common)
