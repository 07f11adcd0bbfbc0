"""Files arranged along the axes that their names count."""

import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.names._choose import Choice, choose_columns
from napari_umis_fusion.files.names._column import (
    Column,
    number_column,
    varying_columns,
    word_column,
)
from napari_umis_fusion.files.names._file_grid import FileGrid, NameAxis, Place
from napari_umis_fusion.files.names._table import odd_names, repeated_counts, token_table
from napari_umis_fusion.files.names._vendors import vendor_columns
from napari_umis_fusion.files.names._words import kind_of_word

if TYPE_CHECKING:
    from napari_umis_fusion.stack import Kind

_ORDER = ("position", "other", "time", "channel", "unknown", "z")
# Longer names for words of one letter, which mean other things among axes; row and column too.
_LONG = {
    "S": "SITE",
    "F": "FIELD",
    "M": "TILE",
    "X": "GRIDX",
    "Y": "GRIDY",
    "COLUMN": "GRIDX",
    "COL": "GRIDX",
    "ROW": "GRIDY",
}
_LETTERS = {"z": "Z", "channel": "C", "time": "T", "position": "P", "other": "V", "unknown": "N"}

_JUMP = 4
"""So many steps at once are no few lost planes."""


def arrange(paths: Sequence[Path], *, keeps_order: bool = False) -> FileGrid:
    """Arrange files along the axes that their names count.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        In natural order, or in that of the user.
    keeps_order : bool
        The order is the user's: it is kept wherever names count along one axis, or none that
        they name.

    Returns
    -------
    FileGrid
        Along Z for plain counting. An axis that may be z, but does not say so, is called N.

    Raises
    ------
    StackFileError
        If names contradict each other; the message says how to choose.
    """
    if len(paths) == 1:
        return FileGrid((), {(): paths[0]})
    names = names_of(paths)
    choice = _choice(paths, names, keeps_order=keeps_order)
    if choice is None:
        return as_listed(paths, noted=not keeps_order)
    is_named = any(column.kind not in ("unknown", "z") for column in choice.columns)
    if keeps_order and not is_named and len(choice.columns) != 1:
        return as_listed(paths, noted=False)
    grid = _grid(paths, choice)
    if keeps_order and [axis.letter for axis in grid.axes] == ["Z"]:
        return _in_given_order(paths, grid)
    return grid


def oddly_named(paths: Sequence[Path]) -> list[Path]:
    """Return the files for whose names `arrange` would refuse all; raises nothing."""
    names = names_of(paths)
    if len(paths) < 2 or vendor_columns(names) is not None or token_table(names) is not None:
        return []
    return [paths[place] for place in odd_names(names)]


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return the names of files without extension, after the folders in which they differ."""
    # Letters with accents are two characters in names from a Mac, and one in others.
    bare = [unicodedata.normalize("NFC", str(path.with_suffix(""))) for path in paths]
    bare = [name[:-4] if name.lower().endswith(".ome") else name for name in bare]
    if len({path.parent for path in paths}) == 1 or len({len(p.parts) for p in paths}) > 1:
        return [Path(name).name for name in bare]
    top = os.path.commonpath([Path(name).parent for name in bare])
    return [Path(os.path.relpath(name, top)).as_posix() for name in bare]


def _choice(paths: Sequence[Path], names: Sequence[str], *, keeps_order: bool) -> Choice | None:
    known = vendor_columns(names)
    if known is not None:
        made = [_vendor_column(word, texts) for word, texts in known.items()]
        return choose_columns([column for column in made if column.varies])
    table = token_table(names)
    if table is not None:
        return choose_columns(varying_columns(table))
    odd = [] if keeps_order else odd_names(names)
    if odd:
        raise StackFileError(_odd(paths, odd))
    twice = [] if keeps_order else repeated_counts(names)
    if twice:
        raise StackFileError(_repeated([paths[place] for place in twice]))
    return None


def _vendor_column(word: str, texts: list[str]) -> Column:
    kind = kind_of_word(word)
    if all(text.isdigit() for text in texts):
        return number_column(kind, word, texts)
    return word_column(kind, word, texts)


def as_listed(paths: Sequence[Path], *, noted: bool) -> FileGrid:
    """Return files along one axis in their order, whatever their names count."""
    axis = NameAxis("Z", "z", tuple(path.name for path in paths))
    note = f"planes are in the order of their names, {paths[0].name} to {paths[-1].name}"
    files: dict[Place, Path] = {(k,): path for k, path in enumerate(paths)}
    return FileGrid((axis,), files, (note,) if noted else (), is_sure=not noted)


def _in_given_order(paths: Sequence[Path], grid: FileGrid) -> FileGrid:
    (axis,) = grid.axes
    numbers = {grid.files[place]: number for number, place in enumerate(sorted(grid.files))}
    order = [numbers[path] for path in paths]
    notes = grid.notes
    rises = order == sorted(order) or order == sorted(order, reverse=True)
    if not rises:
        # What was assumed about the order of the names does not matter any more.
        notes = ("planes are in the order given, which is not that of their names",)
    positions = axis.positions_um
    entries = tuple(axis.entries[k] for k in order)
    moved = None if positions is None else tuple(positions[k] for k in order)
    files: dict[Place, Path] = {(k,): path for k, path in enumerate(paths)}
    return FileGrid((NameAxis("Z", "z", entries, moved),), files, notes)


def _grid(paths: Sequence[Path], choice: Choice) -> FileGrid:
    columns = sorted(choice.columns, key=lambda column: _ORDER.index(column.kind))
    letters = _letters(columns, choice.z)
    axes = [_axis(column, letter) for column, letter in zip(columns, letters, strict=True)]
    ranks = [_ranks(column) for column in columns]
    files: dict[Place, Path] = {}
    for k, path in enumerate(paths):
        place = tuple(rank[k] for rank in ranks)
        if place in files:
            raise StackFileError(_twice(files[place], path))
        files[place] = path
    gaps = _gaps(choice.z)
    notes = (*choice.notes, *_order(choice), *gaps)
    return FileGrid(tuple(axes), files, notes, choice.is_sure, skips=bool(gaps))


def _letters(columns: Sequence[Column], z: Column | None) -> list[str]:
    """Name the axes: by their kind where only one is of it, else by their word or a number."""
    kinds = [column.kind for column in columns]
    letters: list[str] = []
    for place, column in enumerate(columns):
        letter = _LETTERS[column.kind]
        if kinds.count(column.kind) > 1 and column is not z:
            word = _LONG.get(column.word.upper(), column.word.upper())
            is_free = len(word) > 1 and word not in letters
            letter = word if is_free else f"{letter}{kinds[: place + 1].count(column.kind)}"
        letters.append(letter)
    return letters


def _axis(column: Column, letter: str) -> NameAxis:
    entries: Mapping[object, tuple[str, float | None]] = {
        key: (label, None if column.numbers is None else column.numbers[k])
        for k, (key, label) in enumerate(zip(column.keys, column.labels, strict=True))
    }
    order = sorted(entries, key=lambda key: cast("str", key))
    positions = None
    if column.unit_um is not None and column.kind == "z":
        positions = tuple(cast("float", entries[key][1]) * column.unit_um for key in order)
    kind: Kind = "unnamed" if column.kind == "unknown" else column.kind
    return NameAxis(letter, kind, tuple(entries[key][0] for key in order), positions)


def _ranks(column: Column) -> list[int]:
    order = sorted(set(column.keys), key=lambda key: cast("str", key))
    ranks = {key: rank for rank, key in enumerate(order)}
    return [ranks[key] for key in column.keys]


def _order(choice: Choice) -> list[str]:
    """Note the order of planes where it is not that of plain counting."""
    z = choice.z
    if choice.notes or z is None or z.numbers is None:
        return []
    if all(number >= 0 and number.is_integer() for number in z.numbers):
        return []
    first, last = (pick(range(len(z.numbers)), key=z.numbers.__getitem__) for pick in (min, max))
    return [f"planes are in the order of the numbers in their names, {_between(z, first, last)}"]


def _between(column: Column, first: int, last: int) -> str:
    return f"{column.labels[first]} to {column.labels[last]}"


def _gaps(z: Column | None) -> list[str]:
    """Note numbers of planes that are missing, or steps that are uneven without a unit."""
    if z is None or z.numbers is None or z.unit_um is not None:
        return []
    numbers = np.unique(z.numbers)
    steps = np.diff(numbers)
    if len(steps) < 2 or np.allclose(steps, steps[0]):
        return []
    step = steps.min()
    jumps = np.flatnonzero(steps >= _JUMP * step)
    if len(jumps) and np.allclose(np.delete(steps, jumps), step):
        return [_jump(*numbers[jumps[0] : jumps[0] + 2])]
    wanted = np.arange(numbers[0], numbers[-1] + step / 2, step)
    if len(wanted) < 4 * len(numbers):
        lost = [f"{one:.12g}" for one in wanted if not np.isclose(one, numbers).any()]
        told = ", ".join(lost[:6]) + (" ..." if len(lost) > 6 else "")
        return [f"file names skip z {told}; planes are taken as evenly spaced"]
    return ["the numbers of z in the file names are uneven; planes are taken as evenly spaced"]


def _repeated(paths: Sequence[Path]) -> str:
    shown = " and ".join(path.name for path in paths[:2])
    return (
        f"{paths[0].parent}: file names follow no common scheme, and each number occurs in several "
        f"of them, such as {shown}: they may be several stacks, or channels of one. Move each into "
        "a folder of its own, or list the files in focal order."
    )


def _jump(before: float, after: float) -> str:
    return (
        f"the numbers in the file names jump from {before:.15g} to {after:.15g}; planes are taken "
        "as evenly spaced. If another stack begins there, move its files into a folder of their own"
    )


def _odd(paths: Sequence[Path], odd: Sequence[int]) -> str:
    shown = ", ".join(paths[place].name for place in odd[:4]) + (" ..." if len(odd) > 4 else "")
    usual = next(path.name for place, path in enumerate(paths) if place not in odd)
    return (
        f"{paths[0].parent}: most files are named like {usual}, but not {shown}. Move what is no "
        "plane elsewhere, or list the files in focal order."
    )


def _twice(one: Path, other: Path) -> str:
    return (
        f"{other}: has the same numbers in its name as {one.name}, so both would be one plane. "
        "Leave one out, or list the files in focal order."
    )
