"""What is carried over from a source's texts is true of the result."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import tifffile
from pictures import random_pixels
from tiffs import written

from gan_style.files.tiff_description import description_for, gdal_metadata_for

OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" UUID="urn:uuid:1"
 xsi:schemaLocation="http://www.openmicroscopy.org/Schemas/OME/2016-06 http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd">
<Instrument ID="Instrument:0"/><Plate ID="Plate:0"/>
<Image ID="Image:0" Name="kidney"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="40" SizeY="30" SizeZ="5" SizeC="2"
 SizeT="3" PhysicalSizeX="0.25" PhysicalSizeXUnit="µm" BigEndian="true"><Channel ID="Channel:0:0" Name="DAPI"/><Channel ID="Channel:0:1"/>
<TiffData IFD="7"/><Plane TheZ="0" TheC="0" TheT="0"/></Pixels></Image><Image ID="Image:1"><Pixels ID="Pixels:1"/></Image></OME>"""


def test_ome_xml_has_the_sizes_and_the_type_of_the_result() -> None:
    text = description_for(OME, 300, 400, 3, "uint8")
    root = ET.fromstring(text)
    names = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
    (image,) = root.findall(f"{names}Image")
    (pixels,) = image
    assert pixels.attrib["PhysicalSizeX"] == "0.25" and pixels.attrib["PhysicalSizeXUnit"] == "µm" and image.get("Name") == "kidney"
    sizes = {f"Size{axis}": pixels.get(f"Size{axis}") for axis in "XYZCT"}
    assert sizes == {"SizeX": "400", "SizeY": "300", "SizeZ": "1", "SizeC": "3", "SizeT": "1"}
    assert (pixels.get("Type"), pixels.get("BigEndian")) == ("uint8", "false")
    channel, data = pixels
    assert channel.attrib == {"ID": "Channel:0:0", "SamplesPerPixel": "3"} and data.attrib == {"IFD": "0", "PlaneCount": "1"}
    assert root.find(f"{names}Instrument") is not None and root.find(f"{names}Plate") is None and "UUID" not in root.attrib


def test_tifffile_reads_the_result_as_ome() -> None:
    text = description_for(OME, 30, 40, 3, "uint16")
    file = written(random_pixels(30, 40, 3, 16), description=text.encode(), planarconfig="contig")
    import io

    with tifffile.TiffFile(io.BytesIO(file.data)) as tiff:
        assert tiff.is_ome and tiff.series[0].shape == (30, 40, 3) and tiff.series[0].dtype == np.uint16
        assert tiff.series[0].axes == "YXS"


@pytest.mark.parametrize(
    "text",
    [
        OME[:200],
        OME.replace("<OME ", "<!DOCTYPE x [<!ENTITY a 'b'>]><OME ", 1),
        '<OME xmlns="http://elsewhere/"><Image/></OME>',
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"/>',
        "<OME>" * 100_000,
        "<OME xmlns='http://www.openmicroscopy.org/Schemas/OME/1'>" + "<a>" * 20_000 + "</a>" * 20_000 + "</OME>",
        '{"shape": [30, 40]}',
        "ImageJ=1.53t\nimages=3\nchannels=3",
        "ImageJ=\x01\nunit=micron",
        f"ImageJ=1.53t\nunit={'m' * 100}",
    ],
)
def test_what_holds_for_the_source_alone_or_is_damaged_is_left_out(text: str) -> None:
    assert description_for(text, 3, 4, 1, "uint8") == ""


def test_imagejs_unit_of_length_is_carried_over() -> None:
    text = "ImageJ=1.53t\nimages=6\nchannels=2\nslices=3\nunit=micron\nspacing=0.5\nmin=0.0\n"
    assert description_for(text, 3, 4, 1, "uint8") == "ImageJ=1.53t\nimages=1\nunit=micron\n"


@pytest.mark.parametrize("text", ["", "a slide of a kidney, 40x", "[1, 2]", "Aperio Image Library v11|AppMag = 40|MPP = 0.25"])
def test_words_are_carried_over(text: str) -> None:
    assert description_for(text, 3, 4, 1, "uint8") == text


def test_gdals_statistics_of_the_source_are_left_out() -> None:
    text = (
        '<GDALMetadata>\n  <Item name="AREA_OR_POINT">Point</Item>\n  <Item name="STATISTICS_MEAN" sample="0">4</Item>\n'
        '  <Item name="STATISTICS_MAXIMUM">9</Item><Item name="DESCRIPTION" sample="0" role="description">red</Item></GDALMetadata>'
    )
    (item,) = ET.fromstring(gdal_metadata_for(text))
    assert item.attrib == {"name": "AREA_OR_POINT"} and item.text == "Point"
    assert gdal_metadata_for(text.replace("AREA_OR_POINT", "STATISTICS_X")) == ""
    assert gdal_metadata_for("<GDALMetadata") == gdal_metadata_for("<other/>") == ""
