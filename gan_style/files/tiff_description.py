"""What a source's texts still say of a result of the same size: its ImageDescription, among them OME-XML, and GDAL's metadata."""

import json
import xml.etree.ElementTree as ET

import numpy as np

_OME = "http://www.openmicroscopy.org/Schemas/OME/"
IMAGEJ = "ImageJ="
MAX_UNIT = 64  # characters
# Parts of OME-XML that do not name other pictures.
_KEPT = frozenset({"Image", "Instrument", "Experimenter", "ExperimenterGroup", "Experiment", "StructuredAnnotations", "ROI", "Rights"})
_TYPES = {"float32": "float", "float64": "double"}  # NumPy's names -> those of OME, where they differ
_STORAGE = frozenset({"Channel", "BinData", "TiffData", "MetadataOnly", "Plane"})


def description_for(description: str, height: int, width: int, channels: int, dtype: str) -> str:
    """The ImageDescription of a result with these sizes; "" if the source's holds for the source alone.

    OME-XML gets the result's sizes, type and channels. Of ImageJ's the unit of length stays. tifffile's, which gives sizes, is left out.
    """
    if description.startswith(IMAGEJ):
        return _imagej(description)
    if is_ome(description):
        return _ome(description, height, width, channels, dtype)
    if description.startswith(("SCANIMAGE", "<?xml")) or _is_json(description):
        return ""
    return description


def is_ome(description: str) -> bool:
    """Does the ImageDescription look like OME-XML?"""
    return "<OME" in description or ":OME" in description


def ome_of(description: str) -> tuple[ET.Element, str] | None:
    """The root of OME-XML and its namespace; None if the text is damaged or another one."""
    root = _parsed(description)
    if root is None or not root.tag.startswith("{" + _OME):
        return None
    return root, root.tag[1 : root.tag.index("}")]


def gdal_metadata_for(metadata: str) -> str:
    """GDAL's metadata without statistics and without items about bands; "" if nothing is left."""
    root = _parsed(metadata)
    if root is None or root.tag != "GDALMetadata":
        return ""
    for item in list(root):
        if "sample" in item.attrib or item.get("name", "").startswith("STATISTICS_"):
            root.remove(item)
    return _text(root) if len(root) else ""


def _imagej(description: str) -> str:
    version, *lines = description.splitlines()
    if not version.isprintable():
        return ""
    units = [line for line in lines if line.startswith("unit=") and len(line) <= MAX_UNIT and line.isprintable()]
    return f"{version[:MAX_UNIT]}\nimages=1\n{units[0]}\n" if units else ""


def _ome(description: str, height: int, width: int, channels: int, dtype: str) -> str:
    if (found := ome_of(description)) is None:
        return ""
    root, namespace = found
    for element in root.iter():  # the names stay in the namespace, which becomes the default one
        element.tag = element.tag.removeprefix("{" + namespace + "}")
    root.set("xmlns", namespace)
    root.attrib.pop("UUID", None)  # of the source's file
    for image in root.findall("Image")[1:]:
        root.remove(image)
    for element in list(root):
        if element.tag not in _KEPT:
            root.remove(element)
    pixels = root.find("Image/Pixels")
    if pixels is None:
        return ""
    pixels.attrib |= {"SizeX": str(width), "SizeY": str(height), "SizeZ": "1", "SizeC": str(channels), "SizeT": "1"}
    pixels.attrib |= {
        "Type": _TYPES.get(dtype, dtype),
        "SignificantBits": str(8 * np.dtype(dtype).itemsize),
        "BigEndian": "false",
        "DimensionOrder": "XYCZT",
    }
    pixels.set("Interleaved", "true" if channels > 1 else "false")
    for element in list(pixels):
        if element.tag in _STORAGE:
            pixels.remove(element)
    pixels.insert(0, ET.Element("Channel", {"ID": "Channel:0:0", "SamplesPerPixel": str(channels)}))
    pixels.insert(1, ET.Element("TiffData", {"IFD": "0", "PlaneCount": "1"}))
    return _text(root, '<?xml version="1.0" encoding="UTF-8"?>')


def _parsed(text: str) -> ET.Element | None:
    """The root of an XML text; None if it is damaged or declares entities, which may unfold to gigabytes."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ET.fromstring(text)
    except (ET.ParseError, ValueError, RecursionError):
        return None


def _text(root: ET.Element, declaration: str = "") -> str:
    try:
        return declaration + ET.tostring(root, encoding="unicode")
    except (ValueError, RecursionError):
        return ""


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
