"""What a file holds, by its first bytes, where it is not what its name says."""

from pathlib import Path

from napari_umis_fusion.files.read._suffixes import TIFF_SUFFIXES

_HEAD_BYTES = 512

_SIGNATURES = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"GIF8", "GIF"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89HDF", "HDF5"),
    (b"\0\0\0\x0cjP", "JPEG 2000"),
    (b"\x93NUMPY", "NumPy"),
)
_EXTENSION = {"TIFF": ".tif", "PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "WebP": ".webp"}
_NAMED = dict.fromkeys(TIFF_SUFFIXES, "TIFF") | {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".webp": "WebP",
}
"""Formats by extension; of files that other libraries read, the beginnings are not known."""

_COPY = "Copy it again, or leave it out"


def held_format(path: Path) -> str | None:
    """Return the format of an image by its first bytes, such as PNG, whatever its name says.

    Returns
    -------
    str or None
        TIFF, PNG, JPEG, BMP or WebP; None for anything else, and for what cannot be opened.
    """
    held = _format(_head(path) or b"")
    return held if held in _EXTENSION else None


def named_otherwise(path: Path) -> str | None:
    """Return a note on an image whose name says another format; None if it says its own."""
    wanted, held = _NAMED.get(path.suffix.lower()), held_format(path)
    if held in (None, wanted):
        return None
    return f"files named {path.suffix} hold {held} images, and are read as such"


def unlike_its_name(path: Path) -> str | None:
    """Return what a file holds, and what to do, where it is not of the format of its name.

    Returns
    -------
    str or None
        None if it begins as its name says, or cannot be opened or judged.
    """
    wanted = _NAMED.get(path.suffix.lower())
    if wanted is None:
        return None
    head = _head(path)
    if head is None:
        return None
    if not head:
        return f"is empty, 0 bytes. {_COPY}."
    if not head.strip(b"\0"):
        return f"begins with {len(head)} zeros: it was not copied or saved to its end. {_COPY}."
    held = _format(head)
    if held == wanted:
        return None
    if held in _EXTENSION:
        return f"is a {held} file by its content, and cannot be read. {_COPY}."
    what = _described(held, head)
    return f"holds {what}; accepted under this name are {wanted} images. {_COPY}."


def renamed_image(path: Path) -> str:
    """Return a sentence on how to rename an image whose extension is not read; else empty."""
    held = _format(_head(path) or b"")
    extension = _EXTENSION.get(held or "")
    if not extension:
        return ""
    is_word = path.suffix[1:].isalpha()  # no decimal, as in z0.5
    how = f"let its name end in {extension}" if is_word else f"add {extension} to its name"
    return f" {path.name} is a {held} file: {how}."


def _head(path: Path) -> bytes | None:
    """Return how a file begins; None if it is none, or cannot be read."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return None


def _format(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((name for start, name in _SIGNATURES if head.startswith(start)), None)


def _described(held: str | None, head: bytes) -> str:
    if held is not None:
        return f"a {held} file"
    if head.startswith(b"version https://git-lfs"):
        return "the address of a file in Git LFS, which was not downloaded"
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        return "a web page"
    # A character may be cut at the end of the head.
    text = head.decode("utf-8", "ignore")
    is_text = (
        text
        and len(text.encode()) > len(head) - 4
        and all(one.isprintable() or one.isspace() for one in text)
    )
    return "text" if is_text else "no image that is known"
