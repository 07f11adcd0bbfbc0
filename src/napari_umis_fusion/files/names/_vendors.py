"""Names that only the program that wrote them explains."""

import re
from collections.abc import Sequence

_VENDORS = (
    # Micro-Manager 1.4, image files: time, channel, z.
    r"(?:(?P<position>.*)/)?img_(?P<time>\d{9})_(?P<channel>.+)_(?P<z>\d{3,})",
    # Opera Phenix and Operetta, where p is the plane and c the column of the plate.
    r"(?:(?P<position>.*)/)?r(?P<row>\d+)c(?P<column>\d+)f(?P<field>\d+)p(?P<z>\d+)-ch(?P<channel>\d+)"
    r"sk(?P<time>\d+)\w*",
    # CellVoyager, where A is the action, which the channel implies.
    r".*?_(?P<well>[A-Za-z]{1,2}\d{2})_T(?P<time>\d+)F(?P<field>\d+)L(?P<timeline>\d+)A\d+"
    r"Z(?P<z>\d+)C(?P<channel>\d+)",
    # Squid: region, field, plane, and the channel in words.
    r"(?:(?P<position>.*)/)?(?P<region>[^_/]+)_(?P<field>\d+)_(?P<z>\d+)_"
    r"(?P<channel>(?:Fluorescence_\d+_nm_Ex|BF_LED_matrix_)\w*)",
    # Incucyte and IN Cell write wells and fields in words, which the general rules know.
)
_PATTERNS = [re.compile(vendor, re.IGNORECASE) for vendor in _VENDORS]


def vendor_columns(names: Sequence[str]) -> dict[str, list[str]] | None:
    """Return what each name says about each axis, if all follow the scheme of one program.

    Parameters
    ----------
    names : sequence of str
        File names without extension.

    Returns
    -------
    dict or None
        For each axis, by its word ("z", "channel", "field"), the text in each name.
    """
    for pattern in _PATTERNS:
        found = [pattern.fullmatch(name) for name in names]
        matches = [one for one in found if one is not None]
        if len(matches) == len(names):
            return {word: [one[word] or "" for one in matches] for word in pattern.groupindex}
    return None
