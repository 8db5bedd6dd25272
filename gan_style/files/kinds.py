"""Kinds of files, told by their suffix and their first bytes: pictures that are read, and what any other file is."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from gan_style.files.opening import read_regular

# The pictures of a folder are its files with these suffixes, and slides. A file that is named by itself is read whatever its suffix is.
IMAGE_SUFFIXES = frozenset(
    {
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif", ".avif"),
        *(".ppm", ".pgm", ".pbm", ".pnm"),
        *(".npy", ".npz", ".nii", ".nii.gz", ".dcm", ".dicom", ".ima", ".zarr"),
    }
)
_PACKED = frozenset({".nii.gz", ".npz"})
SLIDE_SUFFIXES = frozenset({".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide"})  # pictures that OpenSlide reads
# Suffixes of the formats that results can be written in.
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
COLOUR_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
ARRAY_SUFFIXES = frozenset({".npy", ".nii", ".nii.gz"})
WRITTEN_SUFFIXES = COLOUR_SUFFIXES | ARRAY_SUFFIXES


@dataclass(frozen=True)
class Kind:
    """A kind of file that is not read as a picture.

    name: with its article, such as "a video"; plural: "videos"; advice: what the user can do, in the imperative
    """

    name: str
    plural: str
    advice: str


_CONVERT = "convert it to PNG, for example with ImageMagick: magick {file} {stem}.png"
_VIDEO = Kind("a video", "videos", "take its frames out: mkdir -p frames && ffmpeg -i {file} frames/%06d.png")
_RAW = Kind("a camera's raw file", "raw files of cameras", "develop it to a TIFF or PNG of 16 bits, for example with darktable-cli")
_WEIGHTS = Kind(
    "weights of PyTorch",
    "weights of PyTorch",
    "infer.py --model takes a bundle or run folder of train.py; gan-style convert makes bundles of other projects' weights",
)
_SAFETENSORS = Kind("a bundle or other safetensors", "safetensors", "infer.py takes a bundle as --model")
_ONNX = Kind("a network in ONNX", "networks in ONNX", "infer.py --model takes those of gan-style export")
_NIFTI = Kind("a medical volume in two files", "medical volumes in two files", "save it as one file that ends in .nii.gz")
_VOLUME = Kind("a volume", "volumes", "save its slices as 16-bit PNG or TIFF")
_ARRAYS = Kind("a store of arrays", "stores of arrays", "save its arrays as 8- or 16-bit PNG or TIFF")
_SLIDE = Kind("a slide of a microscope", "slides of microscopes", "cut regions out of it and save them as TIFF")
_PDF = Kind("a PDF", "PDFs", "draw its pages as pictures: pdftoppm -png {file} {stem}")
_DRAWING = Kind("a drawing of lines and text", "drawings of lines and text", "draw it as a picture: inkscape {file} -o {stem}.png")
_POSTSCRIPT = Kind("PostScript", "PostScript", "draw it as a picture: gs -sDEVICE=png16m -o {stem}.png {file}")
_LAYERS = Kind("a picture in layers", "pictures in layers", "export it as PNG")
_HEIC = Kind("a HEIC picture", "HEIC pictures", "convert it: heif-convert {file} {stem}.png")
_JXL = Kind("a JPEG XL picture", "JPEG XL pictures", "convert it: djxl {file} {stem}.png")
_JPEG2000 = Kind("a JPEG 2000 picture", "JPEG 2000 pictures", "convert it: opj_decompress -i {file} -o {stem}.tif")
_HDR = Kind("a picture of high dynamic range", "pictures of high dynamic range", "map its tones to 8 or 16 bits and save it as PNG or TIFF")
_OTHER = Kind("a picture of a kind that is not read", "pictures of kinds that are not read", _CONVERT)
_ARCHIVE = Kind("an archive", "archives", "unpack it")
_TABLE = Kind("a table", "tables", "data.root takes a manifest or Parquet files (data/README.md)")
_SOUND = Kind("a sound", "sounds", "replace or remove it")
_DOCUMENT = Kind("a document", "documents", "export its pictures as PNG")
_PAGE = Kind("a web page", "web pages", "download the picture itself")
_POINTER = Kind("a placeholder of Git LFS", "placeholders of Git LFS", "fetch the file itself: git lfs pull")
_TEXT = Kind("a text", "texts", "replace or remove it")

_BY_SUFFIX: dict[str, Kind] = {
    suffix: kind
    for suffixes, kind in (
        (".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .wmv .flv .3gp .ogv .mts .m2ts .mjpeg .y4m", _VIDEO),
        (".cr2 .cr3 .nef .nrw .arw .dng .orf .rw2 .raf .pef .srw .raw", _RAW),
        (".pth .pt .ckpt .pkl .t7", _WEIGHTS),
        (".safetensors", _SAFETENSORS),
        (".onnx", _ONNX),
        (".mha .mhd .nrrd .mgz .mnc", _VOLUME),
        (".h5 .hdf5 .mat .nc", _ARRAYS),
        (".czi .vsi", _SLIDE),
        (".pdf", _PDF),
        (".svg .svgz .wmf .emf", _DRAWING),
        (".ps .eps .ai", _POSTSCRIPT),
        (".psd .psb .xcf .kra .ora", _LAYERS),
        (".heic .heif .hif", _HEIC),
        (".jxl", _JXL),
        (".jp2 .j2k .jpx .jpf .jpc .j2c", _JPEG2000),
        (".exr .hdr .pfm", _HDR),
        (".tga .dds .ico .icns .pcx .xpm .sgi .qoi .pam", _OTHER),
        (".zip .tar .tgz .gz .bz2 .xz .zst .7z .rar", _ARCHIVE),
        (".csv .tsv .jsonl .parquet", _TABLE),
        (".mp3 .wav .flac .ogg .m4a", _SOUND),
        (".doc .docx .ppt .pptx .xls .xlsx .odt .odp .ods", _DOCUMENT),
        (".htm .html", _PAGE),
        (".txt .md .json .yaml .yml .xml .log .py .ini .toml", _TEXT),
    )
    for suffix in suffixes.split()
}

_PICTURES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"GIF8",
    b"P1",
    b"P2",
    b"P3",
    b"P4",
    b"P5",
    b"P6",
    b"\x93NUMPY",
)
# Where the magic words of DICOM and NIfTI are, and the suffix of the files that have them.
_INSIDE = ((128, b"DICM", ".dcm"), (344, b"n+1\0", ".nii"), (4, b"n+2\0", ".nii"))
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BY_BYTES: tuple[tuple[int, bytes, Kind], ...] = (  # (offset, bytes at the offset, kind)
    (0, b"\x1a\x45\xdf\xa3", _VIDEO),
    (8, b"AVI ", _VIDEO),
    (0, b"\0\0\1\xba", _VIDEO),
    (0, b"FLV\1", _VIDEO),
    (0, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", _WEIGHTS),
    (8, b'{"', _SAFETENSORS),
    (344, b"ni1\0", _NIFTI),
    (0, b"NRRD", _VOLUME),
    (0, b"\x89HDF", _ARRAYS),
    (0, b"%PDF", _PDF),
    (0, b"%!PS", _POSTSCRIPT),
    (0, b"8BPS", _LAYERS),
    (0, b"gimp xcf", _LAYERS),
    (0, b"\xff\x0a", _JXL),
    (0, b"\0\0\0\x0cJXL ", _JXL),
    (0, b"\0\0\0\x0cjP  ", _JPEG2000),
    (0, b"\xff\x4f\xff\x51", _JPEG2000),
    (0, b"v/1\1", _HDR),
    (0, b"#?RADIANCE", _HDR),
    (0, b"DDS ", _OTHER),
    (0, b"qoif", _OTHER),
    (0, b"\0\0\1\0", _OTHER),
    (0, b"icns", _OTHER),
    (0, b"PAR1", _TABLE),
    (0, b"ID3", _SOUND),
    (8, b"WAVE", _SOUND),
    (0, b"fLaC", _SOUND),
    (0, b"OggS", _SOUND),
    (0, b"\xd0\xcf\x11\xe0", _DOCUMENT),
    (0, b"PK\3\4", _ARCHIVE),
    (0, b"\x1f\x8b", _ARCHIVE),
    (0, b"BZh", _ARCHIVE),
    (0, b"\xfd7zXZ", _ARCHIVE),
    (0, b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (0, b"7z\xbc\xaf", _ARCHIVE),
    (0, b"Rar!", _ARCHIVE),
    (257, b"ustar", _ARCHIVE),
    (0, b"version https://git-lfs", _POINTER),
)
_PACKET = 188  # bytes of a packet of an MPEG transport stream, which begins with a G
BEGINNING = 512  # bytes of a file that tell its kind


def is_image_name(name: str) -> bool:
    """Does the name end in one of `IMAGE_SUFFIXES` or `SLIDE_SUFFIXES`, in upper or lower case?"""
    return suffix_of(name) in IMAGE_SUFFIXES or is_slide_name(name)


def is_store_name(name: str) -> bool:
    """Does the name end in .zarr, in upper or lower case? Such a folder is one picture."""
    return name[-5:].lower() == ".zarr"


def suffix_of(name: str) -> str:
    """The suffix of a file's name in lower case; "" if there is none. `.nii.gz` is one suffix."""
    lower = name.lower()
    return ".nii.gz" if lower.endswith(".nii.gz") else lower[lower.rfind(".") :] if "." in lower else ""


def is_slide_name(name: str) -> bool:
    """Does the name end in one of `SLIDE_SUFFIXES`, in upper or lower case?"""
    return name[name.rfind(".") :].lower() in SLIDE_SUFFIXES


def is_video_name(name: str) -> bool:
    """Does the name end in a suffix of videos, in upper or lower case?"""
    return kind_of_name(name) is _VIDEO


def is_video(path: Path) -> bool:
    """Is the file a video, by its name, else by its first bytes?"""
    return kind_of(path) is _VIDEO


def is_image(beginning: bytes) -> bool:
    """Do these first bytes (at least 16) belong to a picture that is read?"""
    return (
        beginning.startswith(_PICTURES)
        or (beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP")
        or (beginning[4:8] == b"ftyp" and beginning[8:12] in _AVIF_BRANDS)
        or any(beginning[place : place + 4] == word for place, word, _ in _INSIDE)
    )


def suffix_of_bytes(beginning: bytes) -> str:
    """A suffix for a picture whose file has none, by its first bytes: .jpg where they do not tell more."""
    inside = (suffix for place, word, suffix in _INSIDE if beginning[place : place + 4] == word)
    return next(inside, ".npy" if beginning.startswith(b"\x93NUMPY") else ".jpg")


def kind_of_name(name: str) -> Kind | None:
    """The kind of a file by its suffix; None for pictures that are read and for unknown suffixes."""
    return _BY_SUFFIX.get(suffix_of(name)) if suffix_of(name) not in IMAGE_SUFFIXES else None


def kind_of_bytes(beginning: bytes) -> Kind | None:
    """The kind of a file by its first `BEGINNING` bytes; None for pictures that are read and for unknown bytes."""
    beginning = beginning[:BEGINNING]
    if is_image(beginning):
        return None
    if beginning[4:8] == b"ftyp":
        return _HEIC if beginning[8:12] in _HEIC_BRANDS else _VIDEO
    for place, magic, kind in _BY_BYTES:
        if beginning[place : place + len(magic)] == magic:
            return kind
    if beginning[::_PACKET] == b"GGG":
        return _VIDEO
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:14].lower() == b"<!doctype html" or text[:5].lower() == b"<html":
        return _PAGE
    if b"<svg" in text:
        return _DRAWING
    return _TEXT if text and all(byte >= 32 or byte in b"\t\r\n\f" for byte in text) and _is_utf8(text) else None


def kind_of(path: Path) -> Kind | None:
    """The kind of a file by its name, else by its first bytes; None for pictures and for unknown files."""
    if is_slide_name(path.name) or suffix_of(path.name) in _PACKED or (is_store_name(path.name) and path.is_dir()):
        return None  # some slides begin like a text, packed arrays like archives
    named = kind_of_name(path.name)
    try:
        beginning = read_regular(path, BEGINNING)
    except OSError:
        return named
    return None if is_image(beginning) and named is not _RAW else named or kind_of_bytes(beginning)


def advice(kind: Kind, name: str) -> str:
    """The words of a message about the file `name` of this kind: what it is, and what to do."""
    stem = name[: name.rfind(".")] if "." in name else name
    return f"is {kind.name}, not an image that is read; {kind.advice.format(file=shlex.quote(name), stem=shlex.quote(stem))}"


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError as failure:
        return failure.end >= len(text) - 1  # a character that is cut off at the end
    return True
