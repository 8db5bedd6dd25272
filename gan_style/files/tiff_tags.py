"""What a TIFF that is written says beside its pixels."""

from typing import Any

import numpy as np

from gan_style.files.colour import srgb_profile
from gan_style.files.tiff_description import IMAGEJ, description_for, gdal_metadata_for
from gan_style.files.tiff_metadata import Metadata

_GDAL_METADATA, _GDAL_NODATA, _TEXT = 42112, 42113, 2


def meaning_of(channels: int, dtype: np.dtype) -> dict[str, Any]:
    """What the samples of a pixel are, as tifffile's options: gray or RGB, 2 and 4 with alpha; other numbers and types are bands."""
    colours = channels <= 4 and dtype in (np.uint8, np.uint16)
    extra = ["unassalpha"] if colours and channels in (2, 4) else ["unspecified"] * (channels - 1)
    return {
        "photometric": "rgb" if colours and channels >= 3 else "minisblack",
        "planarconfig": "contig" if channels > 1 else None,
        "extrasamples": extra if channels in (2, 4) or not colours else None,
    }


def tags_of(metadata: Metadata, height: int, width: int, channels: int, dtype: str) -> dict[str, Any]:
    """The metadata of the source as tifffile's options for a result of these sizes. dtype: NumPy's name"""
    description = description_for(metadata.description, height, width, channels, dtype)
    per_unit = metadata.pixels_per_unit if description.startswith(IMAGEJ) else None
    tags = [(geo.tag, geo.kind, geo.values) for geo in metadata.geo if geo.tag != _GDAL_METADATA]
    texts = [gdal_metadata_for(str(geo.values)) for geo in metadata.geo if geo.tag == _GDAL_METADATA]
    tags += [(_GDAL_METADATA, _TEXT, text) for text in texts if text]
    if metadata.nodata is not None:
        tags.append((_GDAL_NODATA, _TEXT, metadata.nodata))
    return {
        "description": description.encode() + b"\0" if description else None,
        "resolution": metadata.dots_per_inch or per_unit,
        "resolutionunit": "inch" if metadata.dots_per_inch else "none" if per_unit else None,
        "iccprofile": srgb_profile() if metadata.profile and channels >= 3 else None,
        "extratags": [
            (tag, kind, 0, values.encode() + b"\0", True) if isinstance(values, str) else (tag, kind, len(values), values, True)
            for tag, kind, values in tags
        ],
    }
