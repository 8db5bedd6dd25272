"""The demo data sets, drawn on this machine: paired and unpaired pictures, small sets for smoke runs, style pictures, and measurements.

The same seed gives the same files, byte for byte; another version of numpy or OpenCV may change a pixel by 1. A set is drawn into a
hidden folder, which is renamed when it is complete. A folder with the set's name is therefore complete. If two processes draw at once, the
first one to finish wins.
"""

import os
import shutil
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from gan_style.demo.canvas import Pixels, to_bytes
from gan_style.demo.landscape import draw_landscape
from gan_style.demo.landscape_looks import AUTUMN_DUSK, SUMMER, WINTER, Look
from gan_style.demo.phantom import Patient
from gan_style.demo.scene import PIXEL, draw_scene
from gan_style.demo.street_map import PALETTE
from gan_style.demo.street_plan import plan_street
from gan_style.demo.street_render import render_street
from gan_style.demo.style_ink import draw_hatching, draw_waves
from gan_style.demo.style_paint import draw_points, draw_strokes
from gan_style.demo.style_tiles import draw_glass, draw_mosaic
from gan_style.errors import UserError
from gan_style.files.tiff_metadata import GeoTag, Metadata
from gan_style.files.writing import encode
from gan_style.seeding import derive_seed
from gan_style.terminal.progress import Progress

JPEG_QUALITY = 92
_SLICES = 4  # of a patient
_SHORTS, _DOUBLES = 3, 12  # types of TIFF's tags
STYLES: dict[str, Callable[[np.random.Generator, int], Pixels]] = {
    "glass": draw_glass,
    "hatching": draw_hatching,
    "mosaic": draw_mosaic,
    "points": draw_points,
    "strokes": draw_strokes,
    "waves": draw_waves,
}

# One picture or pair: writes its files under the folder that it is given.
_Job = Callable[[Path], None]


def draw_paired(root: Path, train: int = 160, val: int = 16, size: int = 256, seed: int = 0) -> None:
    """Draw streets: label maps (palette PNG, indices are `StreetClass`) in trainA/ and valA/, pictures (JPEG) in trainB/ and valB/.

    size: side in pixels. `UserError` if `root` exists or cannot be written.
    """
    jobs: list[_Job] = []
    for split, first, count in (("train", 1, train), ("val", train + 1, val)):
        jobs += [partial(_street, split=split, number=number, size=size, seed=seed) for number in range(first, first + count)]
    _draw(Path(root), jobs)


def draw_unpaired(root: Path, train: int = 120, val: int = 16, size: int = 256, seed: int = 0) -> None:
    """Draw landscapes: trainA/, valA/ on a summer's day, trainB/, valB/ at dusk in autumn; every picture is a scene of its own.

    `train` and `val` count the pictures of each domain. `UserError` if `root` exists or cannot be written.
    """
    jobs: list[_Job] = []
    for domain, name, look in (("A", "summer", SUMMER), ("B", "autumn", AUTUMN_DUSK)):
        for split, first, count in (("train", 1, train), ("val", train + 1, val)):
            job = partial(_landscape, folder=f"{split}{domain}", name=name, look=look, size=size, seed=seed)
            jobs += [partial(job, number=number) for number in range(first, first + count)]
    _draw(Path(root), jobs)


def draw_smoke(root: Path, train: int = 3, val: int = 1, size: int = 48, seed: int = 0) -> None:
    """Draw few and small streets, as `draw_paired`: 8 pictures, with which configs/smoke/ trains every method in seconds.

    `size` is the side in pixels. `UserError` if `root` exists or cannot be written.
    """
    draw_paired(root, train, val, size, seed)


def draw_seasons(root: Path, train: int = 60, val: int = 6, size: int = 128, seed: int = 0) -> None:
    """Draw landscapes of three seasons, train/NAME/ and val/NAME/: a labelled set. Every picture is a scene of its own.

    `train` and `val` count the pictures of each season, `size` is the side in pixels. `UserError` if `root` exists or cannot be written.
    """
    jobs: list[_Job] = []
    for name, look in (("autumn", AUTUMN_DUSK), ("summer", SUMMER), ("winter", WINTER)):
        for split, first, count in (("train", 1, train), ("val", train + 1, val)):
            job = partial(_landscape, folder=f"{split}/{name}", name=name, look=look, size=size, seed=seed)
            jobs += [partial(job, number=number) for number in range(first, first + count)]
    _draw(Path(root), jobs)


def draw_smoke_seasons(root: Path, train: int = 2, val: int = 1, size: int = 48, seed: int = 0) -> None:
    """Draw few and small landscapes, as `draw_seasons`. `UserError` if `root` exists or cannot be written."""
    draw_seasons(root, train, val, size, seed)


def draw_styles(root: Path, size: int = 512, seed: int = 0) -> None:
    """Draw one PNG for each of `STYLES`. `UserError` if `root` exists or cannot be written."""
    _draw(Path(root), [partial(_style, name=name, size=size, seed=seed) for name in STYLES])


def draw_phantoms(root: Path, train: int = 120, val: int = 16, size: int = 128, seed: int = 0) -> None:
    """Draw slices of a chest (`demo.phantom`): two contrasts in trainA1/ and trainA2/, float32; CT in trainB/, int16 in Hounsfield units;

    the mask of the body in trainMask/, 0 and 255; and the same with val. No patient is in both. `train` and `val` count the slices, four of
    each patient. `UserError` if `root` exists or cannot be written.
    """
    jobs: list[_Job] = []
    for split, first, count in (("train", 0, train), ("val", -(-train // _SLICES), val)):
        jobs += [
            partial(_phantom, split=split, patient=first + n // _SLICES, place=n % _SLICES, size=size, seed=seed) for n in range(count)
        ]
    _draw(Path(root), jobs)


def draw_scenes(root: Path, train: int = 120, val: int = 16, size: int = 128, seed: int = 0) -> None:
    """Draw scenes (`demo.scene`), GeoTIFF with their place: five bands in trainA/, valA/, uint16, and the temperature in trainB/, valB/,

    float32 in kelvin. `train` and `val` count the scenes. `UserError` if `root` exists or cannot be written.
    """
    jobs: list[_Job] = []
    for split, first, count in (("train", 1, train), ("val", train + 1, val)):
        jobs += [partial(_scene, split=split, number=number, size=size, seed=seed) for number in range(first, first + count)]
    _draw(Path(root), jobs)


DEMO_ROOTS: dict[str, Callable[..., None]] = {
    "data/demo/smoke": draw_smoke,
    "data/demo/paired": draw_paired,
    "data/demo/unpaired": draw_unpaired,
    "data/demo/seasons": draw_seasons,
    "data/demo/smoke-seasons": draw_smoke_seasons,
    "data/demo/styles": draw_styles,
    "data/demo/phantom": draw_phantoms,
    "data/demo/scene": draw_scenes,
}


def is_demo(root: str) -> bool:
    """Is `root` (relative to the current folder) the place of a demo set?"""
    return Path(root).as_posix() in DEMO_ROOTS


def ensure_demo(root: str) -> None:
    """Draw the demo set that belongs at `root` (relative to the current folder) if it is missing. Any other root is ignored."""
    draw = DEMO_ROOTS.get(Path(root).as_posix())
    path = Path(root)
    if draw is None or path.exists():
        return
    try:
        draw(path)
    except UserError:
        # Another process may have finished the set between the two looks at the folder.
        if not path.exists():
            raise


def _generator(*keys: int | str) -> np.random.Generator:
    return np.random.default_rng(derive_seed(*keys))


def _street(folder: Path, split: str, number: int, size: int, seed: int) -> None:
    rng = _generator(seed, "demo street", number)
    street = plan_street(rng, size)
    labels = Image.fromarray(street.label_map()).convert("P")
    labels.putpalette([value for colour in PALETTE for value in colour])
    _save(labels, folder / f"{split}A" / f"facade_{number:04d}.png")
    _save(Image.fromarray(render_street(street, rng, size)), folder / f"{split}B" / f"facade_{number:04d}.jpg")


def _landscape(root: Path, folder: str, name: str, look: Look, number: int, size: int, seed: int) -> None:
    pixels = to_bytes(draw_landscape(_generator(seed, "demo landscape", name, number), look, size))
    _save(Image.fromarray(pixels), root / folder / f"{name}_{number:04d}.jpg")


def _style(folder: Path, name: str, size: int, seed: int) -> None:
    _save(Image.fromarray(STYLES[name](_generator(seed, "demo style", name), size)), folder / f"{name}.png")


def _phantom(root: Path, split: str, patient: int, place: int, size: int, seed: int) -> None:
    drawn = Patient(_generator(seed, "demo patient", patient))
    depth = (place + 0.5) / _SLICES
    found = drawn.slice(depth, size, _generator(seed, "demo slice", patient, place))
    name = f"patient_{patient + 1:04d}_{place + 1}"
    for folder, values in (("A1", found.t1), ("A2", found.t2), ("B", found.ct)):
        _save_values(values, root / f"{split}{folder}" / f"{name}.tif")
    _save(Image.fromarray(found.body), root / f"{split}Mask" / f"{name}.png")


def _scene(root: Path, split: str, number: int, size: int, seed: int) -> None:
    drawn = draw_scene(_generator(seed, "demo scene", number), size)
    corner = (400_000.0 + PIXEL * size * (number % 16), 5_400_000.0 - PIXEL * size * (number // 16))  # easting and northing
    for domain, values in (("A", drawn.bands), ("B", drawn.temperature)):
        _save_values(values, root / f"{split}{domain}" / f"scene_{number:04d}.tif", Metadata(geo=_place(corner)))


def _place(corner: tuple[float, float]) -> tuple[GeoTag, ...]:
    """The tags of GeoTIFF for a scene in zone 32 north of UTM (EPSG:32632), whose upper left corner is given."""
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632)  # projected, pixels are areas, the zone
    tags = ((33550, _DOUBLES, (PIXEL, PIXEL, 0.0)), (33922, _DOUBLES, (0.0, 0.0, 0.0, *corner, 0.0)), (34735, _SHORTS, keys))
    return tuple(GeoTag(*tag) for tag in tags)


def _save_values(values: np.ndarray, path: Path, metadata: Metadata | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(path, values if values.ndim == 3 else values[..., None], metadata=metadata))


def _save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jpg":
        # subsampling 0: the edges of thin coloured parts stay sharp.
        picture.save(path, quality=JPEG_QUALITY, subsampling=0)
    else:
        picture.save(path)


def _draw(root: Path, jobs: list[_Job]) -> None:
    """Run the jobs into a hidden folder beside `root`, then rename it to `root`."""
    if root.exists():
        raise UserError(f"{root} exists already: delete it to draw it anew, or give another folder")
    unfinished = root.parent / f".{root.name}.{uuid.uuid4().hex}"
    try:
        unfinished.mkdir(parents=True)
        _run(unfinished, jobs, f"drawing {root}")
        try:
            unfinished.rename(root)
        except OSError:
            # Another process finished the same set first: its files are these files.
            if not root.is_dir():
                raise
    except OSError as trouble:
        raise UserError(f"{root} cannot be drawn: {trouble.strerror or trouble}; give a folder that can be written") from trouble
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _run(folder: Path, jobs: list[_Job], words: str) -> None:
    """Run the jobs in threads: NumPy, OpenCV and Pillow release the interpreter's lock for nearly all of the time."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        futures = [pool.submit(job, folder) for job in jobs]
        try:
            for future in Progress(words, "pictures", len(futures)).over(as_completed(futures)):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
