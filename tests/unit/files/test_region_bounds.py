"""Pictures of any size are read by regions in bounded memory, and files that only claim to be large are refused in one line."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from fuzzing import bounds
from PIL import Image
from tiffs import truth, written
from tiffs_of_any_size import sparse

from gan_style.errors import UserError
from gan_style.files import bounded, images, tiff_directory
from gan_style.files.bounded import Encoded
from gan_style.files.regions import open_regions

MEMORY = 2**26  # the index of 152 881 tiles has 2.4 MB in the file
TILE = np.arange(512 * 512, dtype=np.uint32).astype(np.uint8).reshape(512, 512)


@pytest.mark.parametrize("file_bytes", [0, 10**12])
def test_a_picture_of_40_gigapixels(tmp_path: Path, file_bytes: int) -> None:
    place = 200 * 391 + 100  # row 200, column 100
    path = sparse(tmp_path / "x.tif", 200_000, 200_000, 512, {place: TILE}, file_bytes)
    with bounds(memory=MEMORY):
        with open_regions(path, 1) as reader:
            assert (reader.height, reader.width) == (200_000, 200_000)
            region = reader.read(200 * 512 - 8, 100 * 512 - 8, 528, 528)
        assert np.array_equal(region[8:520, 8:520, 0], TILE) and not region[:8].any() and not region[520:].any()
    with pytest.raises(UserError, match="more than the"):
        images.read(path, 1)


def test_one_raw_strip_of_40_gigapixels(tmp_path: Path) -> None:
    """Without a size in pixels that would bound it: the rows lie one behind another."""
    rows = width = 200_000
    entries = {256: (4, 1, width), 257: (4, 1, rows), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1), 277: (3, 1, 1)}
    entries |= {273: (16, 1, 400), 278: (4, 1, rows), 279: (16, 1, rows * width)}
    packed = b"".join(struct.pack("<HHQQ", tag, *fields) for tag, fields in sorted(entries.items()))
    path = tmp_path / "x.tif"
    path.write_bytes(b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, len(entries)) + packed + bytes(8))
    with path.open("r+b") as file:
        file.seek(400 + 150_000 * width + 170_000)
        file.write(bytes(range(1, 101)))
    os.truncate(path, 400 + rows * width)
    with bounds(memory=MEMORY), open_regions(path, 1) as reader:
        assert reader.read(150_000, 170_000, 2, 100)[..., 0].tolist() == [list(range(1, 101)), [0] * 100]
        reader.read(199_999, 0, 1, 200_000)
    os.truncate(path, 400 + rows * width - 1)
    with open_regions(path, 1) as reader, pytest.raises(UserError, match="cut short"):
        reader.read(199_999, 199_999, 1, 1)


def test_a_packed_strip_that_is_too_large_to_decode_is_refused_with_advice() -> None:
    data = bytearray(written(truth(1, 8)[..., 0], compression="zlib", bigtiff=False).data)
    page_of = {256: 60_000, 257: 60_000, 278: 60_000}
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", data, entry)
        if tag in page_of:
            struct.pack_into("<HII", data, entry + 2, 4, 1, page_of[tag])
    with pytest.raises(UserError, match=r"claims strips of 60000 x 60000, more than the 105000000 pixels .*tiffcp -t"):
        open_regions(Encoded("x.tif", bytes(data)), 1)


def test_the_bound_on_what_is_decoded_at_once_can_be_set(tmp_path: Path) -> None:
    path = sparse(tmp_path / "x.tif", 9000, 9000, 4096, {})
    with pytest.raises(UserError, match="claims tiles of 4096 x 4096, more than the 1000000 pixels"):
        open_regions(path, 1, max_pixels=10**6)
    open_regions(path, 1).close()
    Image.new("1", (12_000, 9_000)).save(tmp_path / "x.png")
    with pytest.raises(UserError, match="claims 12000 x 9000, more than the 105000000"):
        open_regions(tmp_path / "x.png", 1)
    Image.new("1", (500, 400)).save(tmp_path / "y.png")
    with pytest.raises(UserError, match="claims 500 x 400, more than the 100000"):
        open_regions(tmp_path / "y.png", 1, max_pixels=10**5)
    usual = Image.MAX_IMAGE_PIXELS
    with open_regions(tmp_path / "x.png", 1, max_pixels=2 * 10**8) as reader:
        assert reader.read(8999, 11_999, 1, 1).tolist() == [[[0]]]
    assert usual == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("side", [20_000, 2**20, 2**31])
def test_absurd_tiles(tmp_path: Path, side: int) -> None:
    path = sparse(tmp_path / "x.tif", 200_000, 200_000, side, {})
    with bounds(memory=MEMORY), pytest.raises(UserError, match=f"claims tiles of {side} x {side}"):
        open_regions(path, 1)


def edited(path: Path, tag: int, fields: tuple[int, int, int]) -> Path:
    """Another type, count and value for a tag of a `sparse` file."""
    data = bytearray(path.read_bytes())
    for entry in range(24, 24 + 20 * 10, 20):
        if struct.unpack_from("<H", data, entry) == (tag,):
            struct.pack_into("<HQQ", data, entry + 2, *fields)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("tag", [324, 325])
@pytest.mark.parametrize(("count", "words"), [(0, "of its 16 parts"), (15, "15 of its 16 parts"), (10**12, "has 1000000000000 values")])
def test_a_wrong_count_of_tiles(tmp_path: Path, tag: int, count: int, words: str) -> None:
    path = edited(sparse(tmp_path / "x.tif", 64, 64, 16, {}), tag, (16, count, 232))
    with bounds(memory=MEMORY), pytest.raises(UserError, match=words):
        open_regions(path, 1)


def test_more_tiles_than_an_index_may_have(tmp_path: Path) -> None:
    """A picture of 10^12 pixels in tiles of 512 has 3.8 million."""
    path = sparse(tmp_path / "x.tif", 10**6, 10**6, 512, {})
    with bounds(memory=MEMORY), pytest.raises(UserError, match=r"its TIFF tag 324 has 3818116 values, more than the 1048576 allowed"):
        open_regions(path, 1)


def test_pages_in_a_circle(tmp_path: Path) -> None:
    path = sparse(tmp_path / "x.tif", 64, 64, 16, {0: np.full((16, 16), 7, np.uint8)})
    data = bytearray(path.read_bytes())
    struct.pack_into("<Q", data, 24 + 20 * 10, 16)
    path.write_bytes(data)
    with bounds(memory=MEMORY), open_regions(path, 1) as reader:
        assert (reader.read(0, 0, 16, 16) == 7).all()


@pytest.mark.parametrize("tag", [324, 270, 34675, 65426])
def test_a_tag_that_is_given_again_and_again_is_not_read_again_and_again(tag: int) -> None:
    """A thousand entries that name the same megabyte."""
    kind, size, most = (4, 4, tiff_directory.MAX_PAGE_VALUES) if tag == 324 else (7, 1, tiff_directory.MAX_PAGE_TEXT)
    values = 2**18
    base = {256: (4, 1, 16), 257: (4, 1, 16), 258: (3, 1, 8), 259: (3, 1, 8), 262: (3, 1, 1), 322: (4, 1, 16), 323: (4, 1, 16)}
    entries = [(number, *fields) for number, fields in base.items()] + [(tag, kind, values, 20_000)] * 1000
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    data = (head + b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries)) + bytes(4)).ljust(20_000, b"\0")
    file = Encoded("x.tif", data + bytes(values * size))
    for look in (images.probe, lambda file: images.read(file, 1), lambda file: open_regions(file, 1)):
        with bounds(memory=MEMORY), pytest.raises(UserError, match=f"tags of a page have .* more than the {most} allowed"):
            look(file)


def test_a_tile_that_unpacks_to_more_than_its_size(tmp_path: Path) -> None:
    path = sparse(tmp_path / "x.tif", 10**5, 10**5, 512, {0: np.zeros((8000, 9000), np.uint8)})
    with bounds(memory=MEMORY), open_regions(path, 1) as reader:
        try:
            assert not reader.read(0, 0, 600, 600).any()
        except UserError as mistake:
            assert "damaged" in str(mistake)


def test_tiles_that_claim_more_bytes_than_any(tmp_path: Path) -> None:
    path = sparse(tmp_path / "x.tif", 1024, 1024, 512, {0: TILE}, 10**12)
    size = struct.pack("<Q", len(zlib.compress(TILE.tobytes())))
    with path.open("r+b") as file:
        file.seek(file.read(1000).index(size))
        file.write(struct.pack("<Q", 10**11))
    with bounds(memory=MEMORY), open_regions(path, 1) as reader, pytest.raises(UserError, match="larger than the file"):
        reader.read(0, 0, 1, 1)


def test_a_picture_of_many_reads_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on reads holds for each region."""
    path = sparse(tmp_path / "x.tif", 4096, 4096, 16, {place: np.full((16, 16), 3, np.uint8) for place in range(0, 2**16, 50)})
    monkeypatch.setattr(bounded, "MAX_READS", 200)
    with open_regions(path, 1, kept_bytes=0) as reader:
        for top in range(0, 4096, 64):
            reader.read(top, 0, 64, 4096)
        with pytest.raises(UserError, match="parts"):
            reader.read(0, 0, 4096, 4096)
