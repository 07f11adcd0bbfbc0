"""Names of models, and names of files that every system takes."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import count

from napari_umis_fusion.errors import ConfigError

LONGEST_NAME = 80
LONGEST_NOTE = 2000

_LONGEST_STEM = 40
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)  # by Windows


def clean_name(name: str) -> str:
    """Return a name without spaces at its ends and in a single line.

    Raises
    ------
    ConfigError
        If nothing is left, or it is too long.
    """
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not cleaned:
        raise ConfigError("the name of a model is empty; give it one.")
    if len(cleaned) > LONGEST_NAME:
        raise ConfigError(
            f"the name has {len(cleaned)} characters; accepted are up to {LONGEST_NAME}: shorten "
            "it, and put the rest into the note."
        )
    return cleaned


def clean_note(note: str) -> str:
    """Return a note without spaces at its ends; raises `ConfigError` if it is too long."""
    cleaned = note.strip()
    if len(cleaned) > LONGEST_NOTE:
        raise ConfigError(
            f"the note has {len(cleaned)} characters; accepted are up to {LONGEST_NOTE}."
        )
    return cleaned


def unique_name(name: str, taken: Iterable[str]) -> str:
    """Return the name, numbered if it is taken: "scorpion", "scorpion (2)"."""
    folded = {one.casefold() for one in taken}
    if name.casefold() not in folded:
        return name
    bare = re.sub(r" \(\d+\)$", "", name)
    for number in count(2):
        ending = f" ({number})"
        numbered = bare[: LONGEST_NAME - len(ending)] + ending
        if numbered.casefold() not in folded:
            return numbered
    raise AssertionError  # count() has no end


def file_stem(name: str) -> str:
    """Return a name of a file, without its ending, that every system takes: ascii, no spaces."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:_LONGEST_STEM].rstrip("-._")
    return "model" if not stem or _RESERVED.match(stem.split(".")[0]) else stem
