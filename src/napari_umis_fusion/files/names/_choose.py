"""Which columns of file names are axes, and which one is z."""

import itertools
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from napari_umis_fusion.files.names._column import Column
from napari_umis_fusion.files.names._words import SOFT_WORDS

_WELL = re.compile(r"[A-P]\d{2}")
_TOPS = (9_999, 99_999, 999_999)


@dataclass(frozen=True, slots=True)
class Choice:
    """Columns that are axes.

    Attributes
    ----------
    columns : tuple of Column
        Those that are needed to tell the files apart.
    z : Column or None
        The one that counts planes.
    notes : tuple of str
        What was assumed.
    is_sure : bool
        Whether z is named as such, or the only number; False if it is a word or may be another.
    """

    columns: tuple[Column, ...]
    z: Column | None
    notes: tuple[str, ...] = ()
    is_sure: bool = True


def choose_columns(columns: Sequence[Column]) -> Choice:
    """Choose the axes among the columns that vary.

    Parameters
    ----------
    columns : sequence of Column
        All that vary.

    Returns
    -------
    Choice
        Without columns that follow from others, such as dates beside numbers.
    """
    known = _with_wells(columns)
    named = [column for column in known if column.kind not in ("unknown", "other")]
    needed = _needed(named)
    for column in sorted(known, key=_worth, reverse=True):
        if column.kind in ("unknown", "other") and not _follows_from(column, needed):
            needed.append(column)
    needed = _needed(needed)
    kept = tuple(_dated(one, needed) for one in known if any(one is x for x in needed))
    planes = [column for column in kept if column.kind == "z"]
    if len(planes) == 1:
        return _without_clock(kept, planes[0])
    return Choice(kept, None) if planes else _with_rival(_plain_counting(kept), known)


def _without_clock(columns: tuple[Column, ...], z: Column) -> Choice:
    """Drop times that only say when each file was recorded, as in z0_t0, z1_t1."""
    for column in columns:
        rest = tuple(one for one in columns if one is not column)
        is_clock = len(set(column.keys)) == len(column.keys) and _follows_from(column, rest)
        if column.kind == "time" and is_clock:
            note = (
                f"in the file names, each plane has a time of its own, {_ends(column)}; they are "
                "taken as one stack, not as a time series"
            )
            return Choice(rest, z, (note,), is_sure=False)
    return Choice(columns, z)


def _dated(column: Column, needed: Sequence[Column]) -> Column:
    """Take dates for times, where they are needed beside other columns."""
    is_date = column.word == "date" and len(needed) > 1
    return replace(column, kind="time") if is_date else column


def _with_wells(columns: Sequence[Column]) -> list[Column]:
    """Take a letter for that of a well where another column has its other meaning."""
    found = []
    for column in columns:
        rest = [one for one in columns if one is not column]
        others = {one.kind for one in rest if one.kind != "unknown"}
        letter = column.word.isupper() and all(_WELL.fullmatch(one) for one in column.labels)
        is_taken = column.kind in others or (column.kind in ("unknown", "other") and others)
        # W is a wavelength, unless dyes stand elsewhere that it does not imply.
        dyes = [one for one in rest if one.kind == "channel" and one.numbers is None]
        is_w = column.word.casefold() == "w" and any(not _follows_from(x, [column]) for x in dyes)
        is_well = is_w or (letter and is_taken)
        found.append(replace(column, kind="position", word="well") if is_well else column)
    return found


def _needed(columns: Sequence[Column]) -> list[Column]:
    """Drop columns that follow from one other; of two that follow from each other, keep one."""
    kept = list(columns)
    for column in sorted(columns, key=_worth):
        others = [one for one in kept if one is not column]
        # Kinds are kept apart: two channels that were recorded at two times are both told.
        rivals = [one for one in others if _may_replace(one, column)]
        if any(_follows_from(column, [one]) for one in rivals):
            kept = others
    return kept


def _worth(column: Column) -> tuple[bool, bool, bool]:
    return column.kind != "unknown", column.unit_um is not None, column.numbers is not None


def _may_replace(one: Column, column: Column) -> bool:
    return column.kind in ("unknown", "other", one.kind)


def _follows_from(column: Column, others: Sequence[Column]) -> bool:
    """Whether the entries of other columns determine that of a column."""
    if not others:
        return False
    seen: dict[Hashable, object] = {}
    for key, *rest in zip(column.keys, *(one.keys for one in others), strict=True):
        if seen.setdefault(tuple(rest), key) != key:
            return False
    return True


def _plain_counting(columns: tuple[Column, ...]) -> Choice:
    """Take the only number or word that no word names as z."""
    counting = [one for one in columns if one.kind == "unknown" and one.numbers is not None]
    rest = [one for one in columns if one not in counting]
    if len(counting) == 1 and all(one.numbers is None and one.word != "well" for one in rest):
        if not rest:
            return _chosen(columns, counting[0], ())
        return replace(_chosen(columns, counting[0], (_assumed(counting[0]),)), is_sure=False)
    if len(columns) != 1:
        return Choice(columns, None)
    (only,) = columns
    if only.kind == "unknown":
        note = f"planes are in the order of their names, {_ends(only)}"
        return replace(_chosen(columns, only, (note,)), is_sure=False)
    if only.word.casefold() in SOFT_WORDS and only.kind in ("position", "other"):
        return replace(_chosen(columns, only, (_assumed(only),)), is_sure=False)
    return Choice(columns, None)


def _with_rival(choice: Choice, known: Sequence[Column]) -> Choice:
    """Tell of another number that counts all files, in another order than the one taken as z."""
    if choice.z is None or choice.z.numbers is None:
        return choice
    order = _order_of(choice.z)
    for column in known:
        counts = column.kind == "unknown" and column.numbers is not None
        is_other = counts and column.labels != choice.z.labels
        if is_other and len(set(column.keys)) == len(column.keys):
            other = _order_of(column)
            if other not in (order, order[::-1]):
                note = (
                    f"planes are in the order of {_ends(choice.z)} in their names; another number "
                    f"there, {_ends(column)}, gives another order"
                )
                return replace(choice, notes=(*choice.notes, note), is_sure=False)
    return choice


def _order_of(column: Column) -> list[int]:
    return sorted(range(len(column.keys)), key=lambda k: cast("float", column.keys[k]))


def _chosen(columns: tuple[Column, ...], z: Column, notes: tuple[str, ...]) -> Choice:
    taken, told = _past_the_wrap(replace(z, kind="z"))
    return Choice(tuple(taken if one is z else one for one in columns), taken, (*notes, *told))


def _past_the_wrap(column: Column) -> tuple[Column, tuple[str, ...]]:
    """Continue a camera's counter past the highest number of its digits: 9999, then 0001."""
    numbers = column.numbers or ()
    found = sorted(set(numbers))
    if len(found) < 2 or found[-1] not in _TOPS or found[0] not in (0, 1):
        return column, ()
    top = int(found[-1])
    step, end = max((after - before, before) for before, after in itertools.pairwise(found))
    if step < top / 2:
        return column, ()
    moved = tuple(x + top + 1 - found[0] if x <= end else x for x in numbers)
    first, last = (column.labels[moved.index(pick(moved))] for pick in (min, max))
    note = f"the numbers in the file names begin anew after {top}; planes are {first} to {last}"
    return replace(column, keys=moved, numbers=moved), (note,)


def _assumed(column: Column) -> str:
    return (
        f"in the file names, {_ends(column)} is taken as z, which they do not say; check that it "
        "counts planes, not positions"
    )


def _ends(column: Column) -> str:
    order = _order_of(column)
    return f"{column.labels[order[0]]} to {column.labels[order[-1]]}"
