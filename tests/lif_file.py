"""Leica image files, written by the tests: an XML header, then a block of values for each scene."""

import struct

UNITS = {"X": (1, "m", 0.5e-6), "Y": (2, "m", 0.5e-6), "Z": (3, "m", 2e-6), "T": (4, "s", 3.0)}
"""Number of each dimension, the unit of its length, and the distance of its entries."""


def _chunk(content):
    return struct.pack("<II", 0x70, len(content)) + content


def _strides(axes, data):
    sizes = dict(zip(axes, data.strides, strict=True))
    return {"C": 0, **sizes}


def _element(number, name, axes, data):
    strides, dimensions = _strides(axes, data), ""
    for axis, size in zip(axes, data.shape, strict=True):
        if axis != "C":
            place, unit, step = UNITS[axis]
            dimensions += (
                f'<DimensionDescription DimID="{place}" NumberOfElements="{size}" Origin="0" '
                f'Length="{step * (size - 1)}" Unit="{unit}" BytesInc="{strides[axis]}" '
                'BitInc="0"/>'
            )
    count = data.shape[axes.index("C")] if "C" in axes else 1
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{8 * data.itemsize}" '
        f'NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName="{colour}" '
        f'IsLUTInverted="0" BytesInc="{place * strides["C"]}" BitInc="0"/>'
        for place, colour in enumerate(("Green", "Red", "Blue")[:count])
    )
    return (
        f'<Element Name="{name}" UniqueID="{number}"><Data><Image><ImageDescription><Channels>'
        f"{channels}</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription></Image>"
        f'</Data><Memory Size="{data.nbytes}" MemoryBlockID="Block{number}"/></Element>'
    )


def write_lif(path, **scenes):
    """Write scenes: axes, such as "TZCYX", and C-contiguous values of each."""
    elements, blocks = "", b""
    for number, (name, (axes, data)) in enumerate(scenes.items()):
        elements += _element(number, name, axes, data)
        label = f"Block{number}"
        head = struct.pack("<BQBI", 0x2A, data.nbytes, 0x2A, len(label))
        blocks += _chunk(head + label.encode("utf-16-le")) + data.tobytes()
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="file"><Children>'
        f"{elements}</Children></Element></LMSDataContainerHeader>"
    )
    head = struct.pack("<BI", 0x2A, len(xml))
    path.write_bytes(_chunk(head + xml.encode("utf-16-le")) + blocks)
    return path
