"""Small valid files of every format and kind that is read, and headers that claim whatever they are told to."""

import functools
import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageCms

WIDTH, HEIGHT = 12, 9


@functools.cache
def image_files() -> list[bytes]:
    """Some sixty encoded images."""
    rng = np.random.default_rng(0)
    rgba = Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8), "RGBA")
    deep = rng.integers(0, 2**16, (HEIGHT, WIDTH, 4)).astype(np.uint16)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "camera"
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        ("PNG", "P", {"transparency": 1}),
        ("PNG", "RGB", {"transparency": (1, 2, 3), "exif": exif, "icc_profile": b"profile" * 9, "dpi": (72, 72)}),
        ("PNG", "RGB", {"save_all": True, "append_images": [rgba.convert("RGB")]}),
        *(("JPEG", mode, options) for mode in ("L", "RGB", "CMYK") for options in ({}, {"progressive": True}, {"exif": exif})),
        *(("BMP", mode, {}) for mode in ("1", "L", "P", "RGB")),
        *(("TIFF", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")),
        *(("TIFF", "RGB", {"compression": how}) for how in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        ("TIFF", "1", {"compression": "group4"}),
        ("TIFF", "RGB", {"exif": exif, "save_all": True, "append_images": [rgba.convert("L")]}),
        ("TIFF", "RGB", {"big_tiff": True}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True, "exif": exif}),
        ("WEBP", "RGBA", {"save_all": True, "append_images": [rgba.rotate(180)]}),
        *(("PPM", mode, {}) for mode in ("1", "L", "RGB")),
        *(("GIF", mode, {}) for mode in ("1", "L", "P")),
        ("GIF", "P", {"save_all": True, "append_images": [rgba.rotate(180).convert("P")], "transparency": 3}),
        *(("AVIF", mode, {"exif": exif}) for mode in ("L", "RGB", "RGBA")),
        ("AVIF", "RGB", {"save_all": True, "append_images": [rgba.convert("RGB")]}),
        *((kind, "RGB", {"icc_profile": profile}) for kind in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF")),
        ("TIFF", "CMYK", {"icc_profile": profile}),
    ]
    files = []
    for kind, mode, options in kinds:
        stream = io.BytesIO()
        rgba.convert(mode).save(stream, kind, **options)
        files.append(stream.getvalue())
    kinds_of_deep = (deep[..., 0], deep[..., :3], deep)
    files += [cv2.imencode(suffix, pixels)[1].tobytes() for suffix in (".png", ".tif") for pixels in kinds_of_deep]
    files += [tifffile_of(rgba, how) for how in TIFFS]
    files += [b"P3\n2 2 255\n" + b"1 2 3 " * 4, b"P5\n2 2 65535\n" + b"\0" * 8, tiff({}), tiff({}, tiled=True)]
    return files


TIFFS: list[dict[str, Any]] = [
    {"tile": (16, 16), "compression": "zlib", "predictor": True, "extrasamples": ["assocalpha"]},
    {"planarconfig": "separate", "compression": "lzw", "rowsperstrip": 2, "byteorder": ">", "extrasamples": ["unspecified"]},
    {"compression": "zstd", "bigtiff": True, "extrasamples": ["unassalpha"]},
    {"compression": "lzma", "byteorder": ">"},
    {"compression": "jpeg", "tile": (16, 16)},
    {"compression": "jpeg", "rowsperstrip": 8, "subsampling": (1, 1)},
    {"photometric": "separated", "compression": "packbits"},
    {"photometric": "miniswhite", "compression": "lzw"},
]


def tifffile_of(image: Image.Image, how: dict[str, Any]) -> bytes:
    """Stored as `how` says, from the bands that fit it."""
    pixels = np.asarray(image)
    if "extrasamples" not in how and how.get("photometric") != "separated":
        pixels = pixels[..., :3]
    if how.get("photometric") == "miniswhite":
        pixels = pixels[..., 0]
    if how.get("planarconfig") == "separate":
        pixels = np.moveaxis(pixels, 2, 0)
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **{"photometric": "rgb", "metadata": None, **how})
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, depth: int = 8, colour: int = 2, interlace: int = 0, extra: bytes = b"", data: bytes | None = None
) -> bytes:
    header = struct.pack(">IIBBBBB", width % 2**32, height % 2**32, depth, colour, 0, 0, interlace)
    pixels = zlib.compress(bytes(10_000)) if data is None else data
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_text(kind: bytes, size: int) -> bytes:
    """A compressed text or profile of `size` zeros."""
    names = {b"zTXt": b"name\0\0", b"iCCP": b"name\0\0", b"iTXt": b"name\0\1\0\0\0"}
    return chunk(kind, names[kind] + zlib.compress(bytes(size)))


def tiff(tags: dict[int, tuple[int, int, int]], tiled: bool = False, data: bytes | None = None, order: str = "<") -> bytes:
    """A 16 x 16 gray TIFF, deflated, with other `tags`: number -> (type, count, value)."""
    pixels = zlib.compress(bytes(256)) if data is None else data
    entries = {256: (4, 1, 16), 257: (4, 1, 16), 258: (3, 1, 8), 259: (3, 1, 8), 262: (3, 1, 1), 277: (3, 1, 1)}
    places = {322: (4, 1, 16), 323: (4, 1, 16), 324: (4, 1, 400), 325: (4, 1, len(pixels))}
    entries |= places if tiled else {273: (4, 1, 400), 278: (4, 1, 16), 279: (4, 1, len(pixels))}
    entries |= tags
    directory = b"".join(
        struct.pack(order + "HHI", tag, kind % 2**16, count % 2**32)
        + (struct.pack(order + "HH", value % 2**16, 0) if kind == 3 and count == 1 else struct.pack(order + "I", value % 2**32))
        for tag, (kind, count, value) in sorted(entries.items())
    )
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, len(entries))
    return (head + directory + bytes(4)).ljust(400, b"\0") + pixels


def bmp(width: int, height: int, bits: int = 24, compression: int = 0, data: bytes = bytes(100)) -> bytes:
    sizes = struct.pack("<IIIHHIIIIII", 40, width % 2**32, height % 2**32, 1, bits % 2**16, compression % 2**32, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + sizes + data


def webp(width: int, height: int, kind: bytes = b"VP8X") -> bytes:
    width, height = max(width, 1), max(height, 1)
    if kind == b"VP8X":
        body = b"\x10\0\0\0" + ((width - 1) % 2**24).to_bytes(3, "little") + ((height - 1) % 2**24).to_bytes(3, "little")
    elif kind == b"VP8L":
        body = b"\x2f" + (((width - 1) & 0x3FFF) | ((height - 1) & 0x3FFF) << 14).to_bytes(4, "little") + bytes(20)
    else:
        body = b"\x10\0\0\x9d\x01\x2a" + (width & 0x3FFF).to_bytes(2, "little") + (height & 0x3FFF).to_bytes(2, "little") + bytes(20)
    parts = kind + struct.pack("<I", len(body)) + body
    if kind == b"VP8X":
        parts += b"VP8L" + struct.pack("<I", 10) + b"\x2f\0\0\0\0" + bytes(5)
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WEBP" + parts


def pnm(width: int, height: int, kind: int = 6, largest: int = 255) -> bytes:
    return f"P{kind}\n{width} {height}\n{largest}\n".encode() + b"1 " * 500


def jpeg(width: int, height: int, progressive: bool = False, repeats: int = 0, segments: int = 0) -> bytes:
    """A JPEG of another claimed size, whose last scan is there `repeats` more times, after `segments` empty segments."""
    stream = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(stream, "JPEG", progressive=progressive)
    data = bytearray(stream.getvalue())
    frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height % 2**16, width % 2**16)
    scan = data[data.rindex(b"\xff\xda") : -2]
    return bytes(data[:2] + b"\xff\xe5\x00\x02" * segments + data[2:-2] + scan * repeats + data[-2:])
