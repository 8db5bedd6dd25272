"""Image files that were made to do harm are refused before they do: in a few megabytes and in one line that names them."""

import os
import socket
import struct
import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import warm
from PIL import Image

from gan_style.errors import UserError
from gan_style.files import bounded, images, samples, tiff_directory


def encoded(kind: str, mode: str = "RGB", size: tuple[int, int] = (8, 8), **options: object) -> bytes:
    stream = BytesIO()
    Image.new(mode, size).save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def tiff(tags: dict[int, tuple[int, int, int]], big: bool = False) -> bytes:
    """A TIFF of these tags: number -> (type, count, value)."""
    base = {256: (4, 1, 8), 257: (4, 1, 8), 258: (3, 1, 8), 259: (3, 1, 8), 262: (3, 1, 1)}
    entries = [(tag, *fields) for tag, fields in sorted({**base, **tags}.items())]
    if big:
        start = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, len(entries))
        return start + b"".join(struct.pack("<HHQQ", *entry) for entry in entries) + bytes(8)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(500)


def webp(kind: bytes, width: int, height: int) -> bytes:
    claims = {
        b"VP8X": b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
        b"VP8L": b"\x2f" + (width - 1 | (height - 1) << 14).to_bytes(4, "little") + bytes(5),
        b"VP8 ": b"\x10\0\0\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little"),
    }
    return b"RIFF" + struct.pack("<I", 22) + b"WEBP" + kind + struct.pack("<I", 10) + claims[kind]


def refuse(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        images.read(images.Encoded("x.img", data), 3)
    assert str(caught.value).startswith("x.img: ")
    return str(caught.value)


@pytest.mark.parametrize("side", [20_000, 65_536, 10**7])
def test_tiles_larger_than_any_image(side: int) -> None:
    tiles = {322: (4, 1, side), 323: (4, 1, side), 324: (4, 1, 300), 325: (4, 1, 12)}
    assert f"claims tiles of {side} x {side}, more than the" in refuse(tiff(tiles))


@pytest.mark.parametrize("kind", [3, 4])
def test_tiles_that_pil_does_not_see(kind: int) -> None:
    """It stops at a tag that points outside the file; libtiff, which decodes, does not."""
    tiles = {262: (3, 3, 9999), 322: (kind, 1, 20_000), 323: (kind, 1, 20_000), 324: (4, 1, 300), 325: (4, 1, 12)}
    assert Image.open(BytesIO(tiff(tiles))).tag_v2.get(322) is None  # type: ignore[attr-defined]
    assert "claims tiles of 20000 x 20000" in refuse(tiff(tiles))


@pytest.mark.parametrize("big", [False, True])
def test_a_tag_of_a_billion_values(big: bool) -> None:
    assert "its TIFF tag 273 has 1000000000 values" in refuse(tiff({273: (4, 10**9, 200)}, big))


@pytest.mark.parametrize(
    "data", [b"II*\0", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"MM\0+" + b"\xff" * 40, b"II+\0" + bytes(12)]
)
def test_a_directory_that_ends_early_is_left_to_pil(data: bytes) -> None:
    assert "not an image" in refuse(data) or "header is damaged" in refuse(data)


def test_a_long_text_in_a_tag_is_no_harm(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "x.tif", tiffinfo={270: "x" * (tiff_directory.MAX_TAG_VALUES + 1)})
    assert images.probe(tmp_path / "x.tif").width == 8


def test_a_million_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MAX_READS", 2**12)
    whole = encoded("JPEG")
    assert "parts" in refuse(whole[:2] + b"\xff\xe5\x00\x02" * 2**12 + whole[2:])
    whole, chunk = encoded("PNG"), b"\0\0\0\0prVt" + struct.pack(">I", zlib.crc32(b"prVt"))
    assert "parts" in refuse(whole[:-12] + chunk * 2**12 + whole[-12:])


@pytest.mark.parametrize("progressive", [False, True])
def test_a_thousand_scans(progressive: bool) -> None:
    whole = encoded("JPEG", "L", (4000, 4000), progressive=progressive)
    scan = whole[whole.rindex(b"\xff\xda") : -2][:20]
    assert "a JPEG of 4000 x 4000 pixels in" in refuse(whole[:-2] + scan * 2000 + whole[-2:])
    assert images.read(images.Encoded("x.jpg", whole), 1).pixels.shape == (4000, 4000, 1)


@pytest.mark.parametrize("kind", [b"VP8X", b"VP8L", b"VP8 "])
def test_a_webp_is_refused_before_its_decoder_is_made(kind: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", None)
    assert "claims 16000 x 16000" in refuse(webp(kind, 16_000, 16_000))


@pytest.mark.parametrize(
    ("data", "claim"),
    [
        (encoded("JPEG", "CMYK", (8000, 7000)), "8000 x 7000, more than the 105000000 pixels allowed (fewer of them for"),
        (encoded("PNG", "I;16", (8000, 7000)), "8000 x 7000, more than the 105000000 pixels allowed (fewer of them for"),
        (encoded("PNG", "1", (11_000, 10_000)), "11000 x 10000, more than the 105000000 pixels allowed; scale"),
    ],
)
def test_pixels_count_by_the_memory_they_take(data: bytes, claim: str) -> None:
    assert claim in refuse(data)


@pytest.mark.parametrize(
    "data",
    [
        b"P3\n1 1 255\n1 2 3\n",
        b"P1\n2 2\n1 0 1 0\n",
        b"BM" + struct.pack("<IHHIIIIHHIIIIII", 70, 0, 0, 62, 40, 2**20, 1, 1, 8, 1, 0, 0, 0, 2, 0) + bytes(8) + b"\0\2\xff\xff" * 4,
    ],
)
def test_decoders_that_are_loops_in_python_are_left_out(data: bytes) -> None:
    assert "of a kind that is not read" in refuse(data)


def test_a_file_of_more_bytes_than_any_image_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(encoded("PNG", "I;16"))
    os.truncate(path, 10**12)  # takes no space on the disk
    with pytest.raises(UserError, match="has 1000000000000 bytes, more than"):
        images.read(path, 3)


@pytest.mark.parametrize("shape", [(1, 250, 3), (250, 1, 3), (15, 17, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_converted_band_by_band_is_as_if_converted_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], dtype: type
) -> None:
    monkeypatch.setattr(samples, "_BAND", 40)
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)
    images.write(tmp_path / "x.png", pixels)
    assert np.array_equal(images.read(tmp_path / "x.png", shape[2]).pixels, pixels)
    gray = images.read(tmp_path / "x.png", 1).pixels[..., 0]
    expected = pixels[..., :3].astype(np.float64) @ [19595 / 65536, 38470 / 65536, 7471 / 65536]
    assert np.abs(gray - expected).max() <= 0.51


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    os.mkfifo("pipe.png")
    Path("folder.png").mkdir()
    Path("loop.png").symlink_to("loop.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
        for name in ("pipe.png", "folder.png", "loop.png", "socket.png", "/dev/zero", "nul\0.png", "x" * 300 + ".png", ""):
            for look in (images.probe, lambda path: images.read(path, 3)):
                with pytest.raises(UserError, match="cannot be opened"):
                    look(Path(name))


def test_pils_own_warnings_are_not_printed(tmp_path: Path) -> None:
    tags = {259: (3, 1, 1), 273: (4, 1, 300), 278: (4, 1, 8), 279: (4, 1, 64), 34675: (7, 10**6, 300)}
    (tmp_path / "x.tif").write_bytes(tiff(tags))
    program = "from gan_style.files import images; from pathlib import Path; print(images.read(Path('x.tif'), 1).pixels.shape)"
    (tmp_path / "read.py").write_text(program)
    done = warm.run([tmp_path / "read.py"], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "(8, 8, 1)\n", "")


def one_strip(stored: bytes, compression: int, width: int = 16, height: int = 16) -> bytes:
    """A gray TIFF whose only strip holds `stored`."""
    start = 8 + 2 + 12 * 9 + 4
    given = {256: (4, 1, width), 257: (4, 1, height), 259: (3, 1, compression), 262: (3, 1, 1), 273: (4, 1, start), 277: (3, 1, 1)}
    given |= {258: (3, 1, 8), 278: (4, 1, height), 279: (4, 1, len(stored))}
    entries = b"".join(struct.pack("<HHII", tag, *fields) for tag, fields in sorted(given.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(given)) + entries + bytes(4) + stored


def test_a_jpeg_in_a_tiff_claims_no_more_than_its_strip() -> None:
    small, large = encoded("JPEG", "L", (16, 16)), encoded("JPEG", "L", (6000, 6000))
    assert images.read(images.Encoded("x.img", one_strip(small, 7)), 1).pixels.shape == (16, 16, 1)
    assert "a JPEG that is not of 16 x 16 pixels" in refuse(one_strip(large, 7))
    # A decoder would pass over the bytes before the first segment, to the true frame behind a false one.
    false = b"\xff\xd8\0\0" + small[2:]
    assert "bytes between its segments" in refuse(one_strip(false, 7))


def test_a_jpeg_in_a_tiff_has_no_thousand_scans() -> None:
    whole = encoded("JPEG", "L", (4000, 4000))
    scan = whole[whole.rindex(b"\xff\xda") : -2][:20]
    assert "a JPEG of 4000 x 4000 pixels in" in refuse(one_strip(whole[:-2] + scan * 2000 + whole[-2:], 7, 4000, 4000))


@pytest.mark.parametrize("compression", [5, 8, 32773, 34925, 50000])
def test_a_strip_is_not_unpacked_beyond_its_size(compression: int) -> None:
    """Four megabytes of zeros where 256 bytes should be."""
    zeros = bytes(4 * 10**6)
    pack = {5: imagecodecs.lzw_encode, 8: zlib.compress, 34925: imagecodecs.lzma_encode, 50000: imagecodecs.zstd_encode}
    bomb = pack[compression](zeros) if compression in pack else b"\x81\0" * (len(zeros) // 128)
    tracemalloc.start()
    try:
        images.read(images.Encoded("x.img", one_strip(bomb, compression)), 1)
    except UserError as mistake:
        assert "damaged" in str(mistake)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6 + 4 * len(bomb)


def test_strips_that_overlap_are_not_read_for_ever() -> None:
    rows = 2**17
    places = struct.pack("<I", 200) * rows + struct.pack("<I", 2**19) * rows
    tags = {256: (4, 1, 8), 257: (4, 1, rows), 258: (3, 1, 8), 259: (3, 1, 8), 262: (3, 1, 1), 278: (4, 1, 1)}
    tags |= {273: (4, rows, 200), 279: (4, rows, 200 + 4 * rows)}
    entries = b"".join(struct.pack("<HHII", tag, *fields) for tag, fields in sorted(tags.items()))
    data = (b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)).ljust(200, b"\0") + places
    assert "larger than the file" in refuse(data)


def test_tiles_far_larger_than_the_picture_are_not_decoded_a_thousand_times() -> None:
    assert "claims tiles for 6000 x 6000000" in refuse(tiff({256: (4, 1, 1), 257: (4, 1, 6_000_000), 322: (4, 1, 6000), 323: (4, 1, 6000)}))


@pytest.mark.parametrize("following", [8, 9, 2**31])
def test_pages_in_a_circle_end(following: int) -> None:
    data = bytearray(one_strip(bytes(256), 1))
    struct.pack_into("<I", data, 8 + 2 + 12 * 9, following)
    assert not images.read(images.Encoded("x.img", bytes(data)), 1).several


def test_a_gif_of_a_million_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MAX_READS", 2**10)
    whole = encoded("GIF", "L")
    assert "parts" in refuse(whole[:-1] + b"!\xfe" + b"\1 " * 2**12 + b"\0;")


def test_an_avif_counts_by_what_its_decoder_takes() -> None:
    assert "claims 6000 x 5000, more than" in refuse(encoded("AVIF", "L", (6000, 5000), speed=10))
