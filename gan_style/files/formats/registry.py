"""The formats that are read. A new one is a file beside this one and a line here."""

from pathlib import Path

from gan_style.files.formats.dicom import DicomFormat
from gan_style.files.formats.format import File, Format
from gan_style.files.formats.nifti import NiftiFormat
from gan_style.files.formats.numpy_format import NumpyFormat
from gan_style.files.formats.pillow_format import PillowFormat
from gan_style.files.formats.slide_format import SlideFormat
from gan_style.files.formats.tiff_format import TiffFormat
from gan_style.files.formats.zarr_store import ZarrFormat
from gan_style.files.kinds import suffix_of

# The first that claims a file reads it. Pillow's is last: it also says what a file of no format is.
READ: tuple[Format, ...] = (SlideFormat(), ZarrFormat(), NumpyFormat(), NiftiFormat(), DicomFormat(), TiffFormat(), PillowFormat())


def format_of(file: File) -> Format:
    """The format of a file. `UserError` if it cannot be opened."""
    return next(each for each in READ if each.claims(file))


def format_to_write(path: Path) -> Format | None:
    """The format that writes the suffix of `path`; None if there is none."""
    suffix = suffix_of(path.name)
    return next((each for each in READ if suffix in each.written), None)
