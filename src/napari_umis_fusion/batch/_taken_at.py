"""When images were taken."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from napari_umis_fusion.files.read import open_unlimited

_EXIF, _ORIGINAL, _FRACTION, _CHANGED = 0x8769, 0x9003, 0x9291, 0x0132


def times_taken(paths: Sequence[Path]) -> tuple[list[float], str]:
    """Return when images were taken, in s, and what says so.

    The clock of the camera (EXIF), if all files have it: it survives copying. Else the times at
    which the files were last changed. Clocks are never mixed.
    """
    told = [_from_exif(path) for path in paths]
    if all(time is not None for time in told):
        return [time for time in told if time is not None], "the camera"
    return [path.stat().st_mtime for path in paths], "the files"


def _from_exif(path: Path) -> float | None:
    try:
        with open_unlimited(path) as image:
            tags = image.getexif()
            more = tags.get_ifd(_EXIF)
        text = str(more.get(_ORIGINAL) or tags.get(_CHANGED) or "").strip("\0 ")
        seconds = datetime.strptime(text, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
        return seconds + float(f"0.{str(more.get(_FRACTION) or 0).strip()}")
    except Exception:  # a damaged header is judged where the image is read
        return None
