"""Numbers in the guides are those of the code: each row of the table of bounds, and what other pages say of constants."""

import re
from pathlib import Path

import pytest

from gan_style import errors
from gan_style.bundles import file as bundle
from gan_style.bundles import hub
from gan_style.commands.evaluate import task
from gan_style.config import yaml_file
from gan_style.datasets import class_colours as colours
from gan_style.datasets import fingerprint, index, manifest, values
from gan_style.engine import tree
from gan_style.evaluation import paired
from gan_style.evaluation.task import training
from gan_style.files import bounded, colour, images, kinds, pillow, regions, tiff_directory, walking
from gan_style.files.formats import nifti, numpy_format, zarr_store
from gan_style.interop import pickle_scan, weight_file
from gan_style.label_maps import classes
from gan_style.report import log, pictures
from gan_style.translation import inputs, predictor

ROOT = Path(__file__).parents[1]
_UNITS = {"million": 1e6, "megapixels": 1e6, "billion": 1e9, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_NUMBER = re.compile(rf"(?<![\w.])(\d+(?:[ ,]\d{{3}})*)(?: ({'|'.join(_UNITS)})\b)?(?!-?\d|[ -]bits?\b)")
_DEEP_RGBA = 2 * 4  # bytes of a pixel

# Row of docs/guide/untrusted.md -> the constants behind its numbers, in their order
BOUNDS: dict[str, list[float]] = {
    "pixels of a picture": [bounded.MAX_PIXELS, bounded.MAX_BYTES / _DEEP_RGBA, bounded.MAX_BYTES / pillow._WEIGHTS["AVIF"]],
    "pixels of a tile of a TIFF": [bounded.MAX_BYTES / _DEEP_RGBA],
    "encoded bytes of all strips or tiles of a TIFF that are read at once": [2 * bounded.MAX_BYTES],
    "pixels of a JPEG in a TIFF": [],
    "pages of a TIFF that are looked at": [tiff_directory.MAX_PAGES],
    "tags of a TIFF's page": [tiff_directory.MAX_TAGS],
    "bytes of a colour profile": [colour.MAX_PROFILE],
    "bytes of a picture's file": [bounded.MAX_BYTES],
    "parts of a file (segments, chunks: reads of the file)": [bounded.MAX_READS],
    "values of one TIFF tag, such as the places of its tiles": [tiff_directory.MAX_TAG_VALUES],
    "values of all TIFF tags of a page": [tiff_directory.MAX_PAGE_VALUES],
    "bytes and text of all TIFF tags of a page, without those that nobody reads": [tiff_directory.MAX_PAGE_TEXT],
    "pixels times scans of a JPEG": [bounded.MAX_SCANNED],
    "pixels that resizing enlarges a picture to": [images.MAX_RESIZED],
    "pixels that a network pads a picture to": [predictor.MAX_PADDED],
    "bytes of a header of a NumPy array, and of the list of an .npz": [numpy_format._MAX_HEADER, numpy_format._MAX_INDEX],
    "bytes before the values of a NIfTI": [nifti._MAX_BEFORE],
    "bytes of a chunk of a Zarr store, decoded": [zarr_store._MAX_CHUNK],
    "chunks of a Zarr store under one region": [zarr_store._MOST_CHUNKS],
    "header of a bundle": [bundle.MAX_HEADER_BYTES],
    "a bundle that is fetched from the hub": [hub.MAX_BUNDLE_BYTES],
    "header of a checkpoint's state": [tree.MAX_HEADER_BYTES],
    "header of another project's safetensors": [weight_file.MAX_HEADER],
    "pickle of another project's .pth, without the tensors": [pickle_scan.MAX_PICKLE],
    "bytes that its tensors claim, together and each": [],
    "bytes of a .pth in PyTorch's first format": [weight_file.MAX_OLD],
    "a configuration": [yaml_file.MAX_CONFIG_BYTES, yaml_file.MAX_DEPTH, yaml_file.MAX_CONFIG_BYTES, yaml_file.MAX_DIGITS],
    "folders nested below an input": [walking.MAX_DEPTH],
    "a message": [errors.MAX_LINE],
}

# Page, words with N for each number -> the constants
SENTENCES: list[tuple[str, str, list[float]]] = [
    ("docs/guide/untrusted.md", "named by their suffix and first N bytes", [kinds.BEGINNING]),
    ("docs/guide/untrusted.md", "decodes, and N of decoded ones", [regions.KEPT_BYTES]),
    ("data/README.md", "Files of more than N are refused", [bounded.MAX_PIXELS]),
    ("data/README.md", "UTF-8, at most N, with at most N a row", [manifest.MAX_BYTES, manifest.MAX_ROW_BYTES]),
    ("data/README.md", "a folder or manifest of N files or more is made once", [index.SMALLEST]),
    (
        "data/README.md",
        "at each end one in N values of 16 bits, such as hot pixels, and one in N of 8 bits",
        [values.PER_OUTLIER[16], values.PER_OUTLIER[8]],
    ),
    ("docs/guide/resume.md", "looks into up to N files of each domain", [fingerprint.LOOKS]),
    ("docs/guide/report.md", "Pictures: up to N steps", [pictures.MAX_PICTURES]),
    ("docs/guide/report.md", "each made to fit N", [pictures.MAX_PICTURE_BYTES]),
    ("docs/guide/report.md", "Curves: up to N points each", [log.MAX_POINTS]),
    ("docs/guide/style.md", "Style pictures are read at up to N pixels", [inputs.LARGEST_STYLE]),
    ("docs/guide/evaluation.md", "each at most N |", [paired.LARGEST_PSNR]),
    (
        "docs/guide/evaluation.md",
        "N steps of N crops of at most N pixels",
        [task.DEFAULT_STEPS, training.BATCH_SIZE, training.CROP],
    ),
    ("docs/guide/evaluation.md", "up to N of them exactly, however rare", [classes.MAX_CLASSES]),
    ("docs/guide/high_resolution.md", "occur in the training label maps, at most N.", [colours.MOST]),
]


def text_of(page: str) -> str:
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def differing(text: str, constants: list[float]) -> list[str]:
    """The numbers of a text, in their order, that are not the constants, rounded to their units."""
    found = [(match[0], int(re.sub("[ ,]", "", match[1])), _UNITS.get(match[2], 1)) for match in _NUMBER.finditer(text)]
    assert len(found) == len(constants), f"{text!r} has the numbers {[words for words, _, _ in found]}"
    return [
        f"{words} stands for {constant:.0f}"
        for (words, number, unit), constant in zip(found, constants, strict=True)
        if round(constant / unit) != number
    ]


def rows() -> dict[str, str]:
    table = (ROOT / "docs/guide/untrusted.md").read_text(encoding="utf-8").split("| what | more than |")[1].split("\n\n")[0]
    cells = [re.fullmatch(r"\| (.+?) \| (.+?) \|", line) for line in table.splitlines()[2:]]
    return {match[1]: match[2] for match in cells if match}


def test_the_table_of_bounds_has_these_rows() -> None:
    assert list(rows()) == list(BOUNDS)


@pytest.mark.parametrize("row", BOUNDS)
def test_a_bound_in_the_guide_is_that_of_the_code(row: str) -> None:
    assert not differing(rows()[row], BOUNDS[row])


@pytest.mark.parametrize(("page", "words", "constants"), SENTENCES, ids=[f"{page}: {words}" for page, words, _ in SENTENCES])
def test_a_number_in_a_sentence_is_that_of_the_code(page: str, words: str, constants: list[float]) -> None:
    pattern = re.escape(words).replace("N", "([0-9][0-9,]*(?: (?:" + "|".join(_UNITS) + "))?)")
    found = re.search(pattern, text_of(page))
    assert found, f"{page} no longer says {words!r}"
    assert not [line for part, constant in zip(found.groups(), constants, strict=True) for line in differing(part, [constant])]


def test_another_number_is_found() -> None:
    assert differing("104 million; 39 million in 16-bit RGBA", [105e6, 39.4e6]) == ["104 million stands for 105000000"]
    assert differing("65 537, each once", [65536]) and not differing("65 536, each once", [65536])
