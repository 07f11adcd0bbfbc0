"""Marks in PNG and JPEG files that name this package, so that it knows its own results."""

import io
import struct
import zlib

from napari_umis_fusion.files.read import OWN_NAME
from napari_umis_fusion.stack import Plane

_HEADER_BYTES = 33
"""Signature and IHDR chunk of a PNG; other chunks may follow."""


def marked_png(content: bytes) -> bytes:
    """Return the bytes of a PNG with a text chunk that names this package."""
    text = b"Software\0" + OWN_NAME.encode("ascii")
    body = b"tEXt" + text
    chunk = struct.pack(">I", len(text)) + body + struct.pack(">I", zlib.crc32(body))
    return content[:_HEADER_BYTES] + chunk + content[_HEADER_BYTES:]


def jpeg_bytes(pixels: Plane, *, is_result: bool) -> bytes:
    """Encode a JPEG, with a comment that names this package if it is a result of it."""
    from PIL import Image  # results are TIFF files mostly, which need nothing of it

    file = io.BytesIO()
    options = {"comment": OWN_NAME} if is_result else {}
    # Without chroma subsampling, which would halve the resolution of colour.
    Image.fromarray(pixels).save(file, format="JPEG", quality=95, subsampling=0, **options)
    return file.getvalue()


def bilevel_png_bytes(pixels: Plane) -> bytes:
    """Encode a PNG of one bit per pixel."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()
