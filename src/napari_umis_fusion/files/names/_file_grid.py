"""Files, arranged along the axes that their names count."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_umis_fusion.runtime import count_noun
from napari_umis_fusion.stack import Kind

Place = tuple[int, ...]
"""The index along each axis of a grid."""

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class NameAxis:
    """An axis along which file names count.

    Attributes
    ----------
    letter : str
        Z, C, T, P; further positions by their word, such as FIELD; N for what no word names.
    kind : Kind
        What it counts.
    entries : tuple of str
        What the names say, in order, such as ("ch00", "ch01").
    positions_um : tuple of float, or None
        Position of each entry in µm, if the names tell it.
    """

    letter: str
    kind: Kind
    entries: tuple[str, ...]
    positions_um: tuple[float, ...] | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def listed(self) -> str:
        """Return the entries in one line with their index, shortened where there are many."""
        shown = [f"{k} is {entry}" for k, entry in enumerate(self.entries)]
        if len(shown) > _SHOWN:
            shown = [*shown[: _SHOWN - 2], "...", shown[-1]]
        return ", ".join(shown)


@dataclass(frozen=True, slots=True)
class FileGrid:
    """Files, arranged along the axes that their names count.

    Attributes
    ----------
    axes : tuple of NameAxis
        From the outermost; z, if there is one, is the last.
    files : mapping
        The file at each place; places of missing files are absent.
    notes : tuple of str
        What was assumed, for the user.
    is_sure : bool
        False where what is taken as z may count something else, or nothing.
    skips : bool
        Whether numbers of planes are missing between others.
    """

    axes: tuple[NameAxis, ...]
    files: Mapping[Place, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_sure: bool = True
    skips: bool = False

    @property
    def sizes(self) -> dict[str, int]:
        """Number of entries of each axis, by its letter."""
        return {axis.letter: len(axis) for axis in self.axes}

    @property
    def missing(self) -> int:
        """Number of places without a file."""
        return math.prod(self.sizes.values()) - len(self.files)

    @property
    def gaps(self) -> tuple[str, ...]:
        """A note on missing files; empty if there are none."""
        count = self.missing
        return (
            (f"{count_noun(count, 'file')} {'is' if count == 1 else 'are'} missing",)
            if count
            else ()
        )

    def axis(self, letter: str) -> NameAxis:
        """Return an axis by its letter."""
        return next(axis for axis in self.axes if axis.letter == letter)

    def describe(self) -> dict[str, dict[str, object]]:
        """Return the axes as JSON values."""
        return {
            axis.letter: {"counts": axis.kind, "entries": list(axis.entries)} for axis in self.axes
        }
