"""DICOM of compressed frames and of several frames: encoders and pydicom make them, and pydicom's values are the wanted ones."""

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from measured_files import dicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from gan_style.errors import UserError
from gan_style.files import images
from gan_style.files.volumes import Volume, is_volume

GRAY = np.random.default_rng(0).integers(0, 4000, (4, 30, 40)).astype(np.uint16)  # [frames, H, W], 12 bits
SIGNED = GRAY.astype(np.int16) - 1024
COLOURS = np.random.default_rng(1).integers(0, 256, (30, 40, 3)).astype(np.uint8)
SYNTAX = "1.2.840.10008.1.2.4."


def run_lengths(pixels: np.ndarray) -> bytes:
    """A frame [H, W] or [H, W, 3], by pydicom."""
    from pydicom.pixels.encoders import RLELosslessEncoder

    height, width, *channels = pixels.shape
    bits = 8 * pixels.itemsize
    about = {"rows": height, "columns": width, "samples_per_pixel": (*channels, 1)[0], "number_of_frames": 1, "bits_allocated": bits}
    about |= {"bits_stored": bits, "photometric_interpretation": "RGB" if channels else "MONOCHROME2", "pixel_representation": 0}
    return bytes(RLELosslessEncoder.encode(pixels.tobytes(), index=0, planar_configuration=0, **about))


def jpeg_2000(pixels: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True, bitspersample=None))


ENCODERS: dict[str, Any] = {
    RLELossless: lambda frame: run_lengths(frame.view(np.uint16)),
    f"{SYNTAX}70": lambda frame: imagecodecs.ljpeg_encode(frame, bitspersample=12),
    f"{SYNTAX}80": imagecodecs.jpegls_encode,
    f"{SYNTAX}90": jpeg_2000,
}


def compressed(syntax: str, frames: list[bytes], like: np.ndarray, **elements: Any) -> bytes:
    """A DICOM file of encoded frames, each of the size and type of `like`."""
    return dicom(like, data=encapsulate(frames), syntax=syntax, **elements)


def volume(path: Path) -> np.ndarray:
    """[frames, H, W] of one channel."""
    with Volume(path) as found:
        return np.stack([found.read(depth)[..., 0] for depth in range(found.slices)])


@pytest.mark.parametrize("syntax", ENCODERS)
def test_frames_without_loss_are_read_exactly(tmp_path: Path, syntax: str) -> None:
    path = tmp_path / "x.dcm"
    frames = [bytes(ENCODERS[syntax](each)) for each in GRAY]
    path.write_bytes(compressed(syntax, frames[:1], GRAY[0], RescaleIntercept=-1024, RescaleSlope=1))
    picture = images.read(path, 1, raw=True)
    assert picture.pixels.dtype == np.int32  # of 16 bits less 1024
    np.testing.assert_array_equal(picture.pixels[..., 0], GRAY[0].astype(np.int32) - 1024)
    path.write_bytes(compressed(syntax, frames, GRAY[0], NumberOfFrames=4))
    assert is_volume(path)
    np.testing.assert_array_equal(volume(path), GRAY)


@pytest.mark.parametrize("syntax", [RLELossless, f"{SYNTAX}90"])
def test_values_with_a_sign(tmp_path: Path, syntax: str) -> None:
    (tmp_path / "x.dcm").write_bytes(compressed(syntax, [bytes(ENCODERS[syntax](SIGNED[0]))], SIGNED[0]))
    picture = images.read(tmp_path / "x.dcm", 1, raw=True)
    assert picture.pixels.dtype == np.int16
    np.testing.assert_array_equal(picture.pixels[..., 0], SIGNED[0])


@pytest.mark.parametrize(
    ("syntax", "photometric", "encode"),
    [
        (RLELossless, "RGB", run_lengths),
        (f"{SYNTAX}90", "YBR_RCT", lambda pixels: jpeg_2000(pixels)),
        (f"{SYNTAX}80", "RGB", imagecodecs.jpegls_encode),
    ],
)
def test_colours_without_loss(tmp_path: Path, syntax: str, photometric: str, encode: Any) -> None:
    data = compressed(syntax, [bytes(encode(COLOURS))], COLOURS, PhotometricInterpretation=photometric)
    (tmp_path / "x.dcm").write_bytes(data)
    np.testing.assert_array_equal(images.read(tmp_path / "x.dcm", 3).pixels, COLOURS)


@pytest.mark.parametrize(("photometric", "stored"), [("YBR_FULL_422", "YCBCR"), ("RGB", "RGB")])
def test_colours_of_a_jpeg_are_those_that_went_in(tmp_path: Path, photometric: str, stored: str) -> None:
    smooth = np.stack(np.broadcast_arrays(np.arange(40) * 6, np.arange(30)[:, None] * 8, 100), axis=2).astype(np.uint8)
    frame = bytes(imagecodecs.jpeg8_encode(smooth, level=98, colorspace="RGB", outcolorspace=stored))
    (tmp_path / "x.dcm").write_bytes(compressed(f"{SYNTAX}50", [frame], smooth, PhotometricInterpretation=photometric))
    assert np.abs(images.read(tmp_path / "x.dcm", 3).pixels.astype(int) - smooth).max() < 12


def test_a_frame_that_claims_another_size_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    large = np.zeros((6000, 6000), np.uint8)
    bomb = struct.pack("<16I", 1, 64, *[0] * 14) + bytes([129, 0]) * 2_000_000  # 256 million zeros
    small = np.zeros((30, 40), np.uint8)
    frames = {
        f"{SYNTAX}50": imagecodecs.jpeg8_encode(large),
        f"{SYNTAX}70": imagecodecs.ljpeg_encode(large),
        f"{SYNTAX}80": imagecodecs.jpegls_encode(large),
        f"{SYNTAX}90": jpeg_2000(large),
        RLELossless: bomb,
    }
    for syntax, frame in frames.items():
        (tmp_path / "x.dcm").write_bytes(compressed(syntax, [bytes(frame)], small))
        tracemalloc.start()
        with pytest.raises(UserError, match=r"x\.dcm: damaged or cut short") as mistake:
            images.read(tmp_path / "x.dcm", 1, raw=True)
        assert tracemalloc.get_traced_memory()[1] < 2**25 and "\n" not in str(mistake.value)
        tracemalloc.stop()


@pytest.mark.parametrize("change", ["precincts", "blocks", "layers", "precincts of a part"])
def test_a_jpeg_2000_of_a_million_parts_is_refused_before_it_takes_memory(tmp_path: Path, change: str) -> None:
    frame = bytearray(jpeg_2000(GRAY[0]))
    style, part = frame.index(b"\xff\x52"), frame.index(b"\xff\x90")
    small = bytes([0xFF, 0x52, 0, 18, 1, *frame[style + 5 : style + 14], *[0x11] * 6])
    if change == "blocks":
        frame[style + 10] = 0
    elif change == "layers":
        frame[style + 6 : style + 8] = b"\xff\xff"
    elif change == "precincts":
        frame[style : style + 14] = small
    else:
        frame[part + 12 : part + 12] = small
        frame[part + 6 : part + 10] = (int.from_bytes(frame[part + 6 : part + 10], "big") + len(small)).to_bytes(4, "big")
    (tmp_path / "x.dcm").write_bytes(compressed(f"{SYNTAX}90", [bytes(frame)], GRAY[0]))
    with pytest.raises(UserError, match=r"x\.dcm: damaged or cut short \((code blocks below|more than 100 layers)"):
        images.read(tmp_path / "x.dcm", 1, raw=True)


@pytest.mark.parametrize("syntax", ENCODERS)
def test_frames_that_are_cut_short_are_told(tmp_path: Path, syntax: str) -> None:
    whole = bytes(ENCODERS[syntax](GRAY[0]))
    for frames, count in (([whole[: len(whole) // 3]], 1), ([whole[:9]], 1), ([b"\xff" * 500], 1), ([whole], 3)):
        (tmp_path / "x.dcm").write_bytes(compressed(syntax, frames, GRAY[0], NumberOfFrames=count))
        with pytest.raises(UserError, match=r"x\.dcm.*: damaged or cut short"):
            volume(tmp_path / "x.dcm")


def item(**elements: Any) -> Dataset:
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def groups(depths: list[float], slopes: list[float]) -> dict[str, Any]:
    """Functional groups of frames at these millimetres along the patient, with their rescale slopes."""
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[item(PixelSpacing=[0.8, 0.7], SliceThickness=9)],
    )
    own = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[-10, 20, depth])],
            PixelValueTransformationSequence=[item(RescaleSlope=slope, RescaleIntercept=-5)],
        )
        for depth, slope in zip(depths, slopes, strict=True)
    ]
    return {"SharedFunctionalGroupsSequence": [shared], "PerFrameFunctionalGroupsSequence": own, "NumberOfFrames": len(depths)}


def test_a_file_of_several_frames_has_the_scales_and_the_place_of_its_groups(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(dicom(GRAY[0], 12, data=GRAY.tobytes(), **groups([5, 7.5, 10, 12.5], [1, 1, 2, 0.5])))
    np.testing.assert_array_equal(volume(path), GRAY * np.array([1, 1, 2, 0.5]).reshape(4, 1, 1) - 5)
    with Volume(path) as found:
        assert found.dtype == np.float32
        wanted = [[-0.7, 0, 0, 10], [0, -0.8, 0, -20], [0, 0, 2.5, 5], [0, 0, 0, 1]]
        np.testing.assert_allclose(np.array(found.metadata.affine), wanted, atol=1e-9)
    path.write_bytes(dicom(GRAY[0], 12, data=GRAY.tobytes(), **groups([5, 7.5, 10, 12.5], [1, 1, 1, 1])))
    with Volume(path) as found:
        assert found.dtype == np.int16


def test_frames_of_one_place_are_a_volume_without_a_place_and_unequal_distances_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(dicom(GRAY[0], data=GRAY.tobytes(), **groups([5, 5, 5, 5], [1] * 4)))
    with Volume(path) as found:
        assert found.metadata.affine is None and found.slices == 4
    path.write_bytes(dicom(GRAY[0], data=GRAY.tobytes(), **groups([5, 10, 5, 10], [1] * 4)))
    with pytest.raises(UserError, match=r"x\.dcm: its frames lie at unequal distances, as those of several times or echoes do"):
        Volume(path)
