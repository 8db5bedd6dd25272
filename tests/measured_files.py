"""Small files of measurements in the formats of arrays, each written by a library that is not ours."""

import io
from pathlib import Path
from typing import Any

import numpy as np

AFFINE = np.array([[-0.7, 0.1, 0, 30], [0.1, 0.8, 0, -20], [0, 0, 2.5, 7], [0, 0, 0, 1]])


def write_npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def write_nifti(path: Path, array: np.ndarray, slope: float | None = None, intercept: float = 0.0, kind: str = "1") -> Path:
    """array: [X, Y, ...], as stored"""
    import nibabel

    made = {"1": nibabel.Nifti1Image, "2": nibabel.Nifti2Image}[kind](array, AFFINE, dtype=array.dtype)
    made.header.set_slope_inter(slope, intercept if slope is not None else None)
    data = made.to_bytes()
    if slope is not None:  # nibabel scales what it saves: its values are stored here as they are
        header = made.header.copy()
        header.set_data_dtype(array.dtype)
        header.set_slope_inter(slope, intercept)
        header["vox_offset"] = 352
        data = header.binaryblock + bytes(4) + np.asfortranarray(array).tobytes("F")
    if path.name.endswith(".gz"):
        import gzip

        data = gzip.compress(data)
    path.write_bytes(data)
    return path


def write_volume(path: Path, array: np.ndarray, apart: float = 2.0) -> None:
    """array: [H, W, slices] or [H, W, slices, C]; apart: millimetres between slices, of voxels that are 1 mm wide"""
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(array.swapaxes(0, 1), np.diag([1, 1, apart, 1])).to_filename(path)


def dicom(pixels: np.ndarray, bits: int | None = None, data: bytes | None = None, **elements: Any) -> bytes:
    """A DICOM file of [H, W] or [H, W, 3], with further elements by their keywords.

    bits: those of each value that are stored; data: of several frames or compressed ones, in place of that of `pixels`
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = UID(elements.pop("syntax", ExplicitVRLittleEndian))
    found = FileDataset("x.dcm", {}, file_meta=meta, preamble=bytes(128))
    found.SOPClassUID, found.SOPInstanceUID = CTImageStorage, "1.2.3"
    found.Rows, found.Columns = pixels.shape[:2]
    found.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    found.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        found.PlanarConfiguration = 0
    found.BitsAllocated = 8 * pixels.itemsize
    found.BitsStored = bits or found.BitsAllocated
    found.HighBit = found.BitsStored - 1
    found.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in elements.items():
        setattr(found, name, value)
    found.PixelData = pixels.tobytes() if data is None else data
    found["PixelData"].VR = "OB" if pixels.itemsize == 1 or meta.TransferSyntaxUID.is_compressed else "OW"
    stream = io.BytesIO()
    found.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
