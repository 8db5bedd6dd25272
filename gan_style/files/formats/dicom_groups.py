"""What a DICOM file says of each of its frames: the scale of its values and its place in the patient.

A file of several frames keeps them in functional groups, of a frame or of all frames; a file of one frame among its own elements.
"""

from typing import Any

import numpy as np

from gan_style.errors import UserError
from gan_style.files.bounded import resolution
from gan_style.files.tiff_metadata import Affine, Metadata

_UNEVEN = 0.05  # share by which the distances of frames may differ

Scale = tuple[float, float]


def scales_of(found: Any) -> list[Scale]:
    """Rescale slope and intercept of each frame that has its own, else one for all of them."""
    items = [_group(found, frame, "PixelValueTransformationSequence") for frame in range(len(_frames(found)) or 1)]
    return [(float(item.get("RescaleSlope", 1)), float(item.get("RescaleIntercept", 0))) for item in items]


def metadata_of(found: Any, path: object, frames: int) -> Metadata:
    """The place of the frames in the patient, if the file says it. `UserError` for frames at unequal distances."""
    spacing = _spacing(found)
    dots = None if spacing is None else resolution(25.4 / spacing[1], 25.4 / spacing[0])
    try:
        turned = [float(each) for each in _group(found, 0, "PlaneOrientationSequence").ImageOrientationPatient]
        thick = _thickness(found)
        across, down = np.array(turned[:3]), np.array(turned[3:])
        places = [_place(found, frame) for frame in range(min(frames, len(_frames(found)) or 1))]
        inward = np.cross(across, down) * thick
        assert spacing is not None
    except (AssertionError, AttributeError, TypeError, ValueError, IndexError):  # elements of another length among them
        return Metadata(dots)
    if len(places) > 1:
        steps = np.diff(places, axis=0)
        if not steps.any():  # times of one slice
            return Metadata(dots)
        inward = steps.mean(axis=0)
        if len(places) != frames or np.abs(steps - inward).max() > _UNEVEN * np.linalg.norm(inward):
            raise UserError(
                f"{path}: its frames lie at unequal distances, as those of several times or echoes do; store each volume by itself"
            )
    affine = np.vstack([np.stack([across * spacing[1], down * spacing[0], inward, places[0]], axis=1), [0.0, 0.0, 0.0, 1.0]])
    affine[:2] *= -1  # DICOM counts to the left and to the back
    if not np.isfinite(affine).all():
        return Metadata(dots)
    rows: Affine = tuple(tuple(row) for row in affine.tolist())  # type: ignore[assignment]
    return Metadata(dots, affine=rows)


def _frames(found: Any) -> Any:
    """The functional groups of each frame; none in most files of one frame."""
    return found.get("PerFrameFunctionalGroupsSequence", None) or ()


def _group(found: Any, frame: int, sequence: str) -> Any:
    """The elements of a frame: those of its own functional group, else those of all frames, else those of the file."""
    own = _frames(found)
    for item in (*own[frame : frame + 1], *(found.get("SharedFunctionalGroupsSequence", None) or ())[:1]):
        if inner := item.get(sequence, None):
            return inner[0]
    return found


def _place(found: Any, frame: int) -> np.ndarray:
    place = np.array([float(each) for each in _group(found, frame, "PlanePositionSequence").ImagePositionPatient])
    if place.shape != (3,):
        raise ValueError("a place of other than three numbers")
    return place


def _spacing(found: Any) -> list[float] | None:
    """Millimetres down and across."""
    try:
        spacing = [float(each) for each in _group(found, 0, "PixelMeasuresSequence").get("PixelSpacing", None) or found.ImagerPixelSpacing]
    except (AttributeError, TypeError, ValueError):
        return None
    return spacing if len(spacing) == 2 and min(spacing) > 0 else None


def _thickness(found: Any) -> float:
    """Millimetres from a slice to the next."""
    item = _group(found, 0, "PixelMeasuresSequence")
    return float(item.get("SpacingBetweenSlices", None) or item.get("SliceThickness", None) or 1.0)
