"""Names of models, and file names that are valid on every system."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import count

from napari_umis_fusion.errors import ConfigError

MAX_NAME_LENGTH = 80
MAX_NOTE_LENGTH = 2000

_MAX_STEM_LENGTH = 40
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)
"""Device names, which Windows does not accept for files."""


def clean_name(name: str) -> str:
    """Return a name in a single line, without spaces at its ends.

    Raises
    ------
    ConfigError
        If it is empty or too long.
    """
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not cleaned:
        raise ConfigError("the name of a model is empty; give it one.")
    if len(cleaned) > MAX_NAME_LENGTH:
        raise ConfigError(
            f"the name has {len(cleaned)} characters; accepted are up to {MAX_NAME_LENGTH}: "
            "shorten it, and move the rest to the note."
        )
    return cleaned


def clean_note(note: str) -> str:
    """Return a note without spaces at its ends; raises `ConfigError` if it is too long."""
    cleaned = note.strip()
    if len(cleaned) > MAX_NOTE_LENGTH:
        raise ConfigError(
            f"the note has {len(cleaned)} characters; accepted are up to {MAX_NOTE_LENGTH}: "
            "shorten it."
        )
    return cleaned


def unique_name(name: str, existing: Iterable[str]) -> str:
    """Return the name, with a number if it exists: "scorpion", "scorpion (2)"."""
    # without case, which the search by name ignores, too
    folded = {one.casefold() for one in existing}
    if name.casefold() not in folded:
        return name
    bare = re.sub(r" \(\d+\)$", "", name)
    for number in count(2):
        suffix = f" ({number})"
        numbered = bare[: MAX_NAME_LENGTH - len(suffix)] + suffix
        if numbered.casefold() not in folded:
            return numbered
    raise AssertionError  # count() has no end


def file_stem(name: str) -> str:
    """Return a file name without extension that is valid on every system: ASCII, no spaces."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:_MAX_STEM_LENGTH].rstrip("-._")
    return "model" if not stem or _RESERVED.match(stem.split(".")[0]) else stem
