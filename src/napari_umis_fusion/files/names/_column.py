"""Columns of the table of file names: what varies from name to name, and what it counts."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from napari_umis_fusion.files.names._table import Row
from napari_umis_fusion.files.names._tokens import Token, is_minus
from napari_umis_fusion.files.names._words import (
    LENGTHS_UM,
    TIMES,
    NameKind,
    kind_of_unit,
    kind_of_word,
)
from napari_umis_fusion.presets import names_channel

_WELL_LETTER = re.compile(r"[A-P]|A[A-F]")
_COLOURS = frozenset("RGB")
"""Filters, each alone for a channel; single letters besides may mean anything."""
_POSITION_WORDS = frozenset(("p", "pos", "position", "loc", "location", "stage"))


@dataclass(frozen=True, slots=True)
class Column:
    """What one part of all names says.

    Attributes
    ----------
    kind : str
        What it counts.
    word : str
        The word that says so; "" if there is none.
    labels : tuple of str
        For each name, the part as it is shown, such as "ch00".
    keys : tuple
        For each name, a value to sort by.
    numbers : tuple of float, or None
        For each name, the number; None for words.
    unit_um : float or None
        Length of the unit that follows the numbers.
    """

    kind: NameKind
    word: str
    labels: tuple[str, ...]
    keys: tuple[object, ...]
    numbers: tuple[float, ...] | None = None
    unit_um: float | None = None

    @property
    def varies(self) -> bool:
        """Whether it differs between names."""
        return len(set(self.keys)) > 1


def word_column(kind: NameKind, word: str, texts: Sequence[str]) -> Column:
    """Return a column of words, in natural order."""
    if len(set(texts)) < 2:
        return Column(kind, word, tuple(texts), tuple(texts))
    from natsort import natsort_keygen, ns  # here: its import takes longer than small stacks

    natural = natsort_keygen(alg=ns.IGNORECASE)
    keys = tuple(natural(text) for text in texts)
    return Column(kind, word, tuple(texts), keys)


def number_column(
    kind: NameKind,
    word: str,
    texts: Sequence[str],
    signs: Sequence[int] | None = None,
    unit: str = "",
) -> Column:
    """Return a column of numbers; `signs` are 1 or -1, and a `unit` of length follows each."""
    pairs = list(zip(signs or [1] * len(texts), texts, strict=True))
    numbers = tuple(sign * float(text.replace(",", ".")) for sign, text in pairs)
    # Exact, since time stamps in nanoseconds differ by less than floating-point numbers can.
    keys = tuple(
        sign * int(text) if text.isdecimal() else number
        for (sign, text), number in zip(pairs, numbers, strict=True)
    )
    start = "" if kind == "unknown" else word
    labels = tuple(f"{start}{'-' if sign < 0 else ''}{text}{unit}" for sign, text in pairs)
    return Column(kind, word, labels, keys, numbers, LENGTHS_UM.get(unit))


def varying_columns(table: Sequence[Row]) -> list[Column]:
    """Return what differs between the names of one scheme.

    Parameters
    ----------
    table : sequence of tuple of Token
        One row for each name, all of one length.

    Returns
    -------
    list of Column
        In the order of the names; wells are one column.
    """
    parts = list(zip(*table, strict=True))
    columns: list[Column] = []
    place = 0
    while place < len(parts):
        if _is_well(parts, place):
            texts = [f"{a.text}{b.text}" for a, b in zip(*parts[place : place + 2], strict=True)]
            columns.append(word_column("position", "well", texts))
            place += 2
            continue
        columns += _columns_at(parts, place)
        place += 1
    return [column for column in columns if column.varies]


def _is_well(parts: Sequence[Sequence[Token]], place: int) -> bool:
    """Whether a letter that varies and a number after it are a well, such as A01."""
    if place + 1 == len(parts) or parts[place][0].kind != "word":
        return False
    letters, numbers = parts[place], parts[place + 1]
    return (
        len({letter.text for letter in letters}) > 1
        and all(_WELL_LETTER.fullmatch(letter.text) and letter.alone for letter in letters)
        and all(
            number.kind == "number" and number.glued and len(number.text) <= 2 for number in numbers
        )
    )


def _columns_at(parts: Sequence[Sequence[Token]], place: int) -> list[Column]:
    tokens = parts[place]
    texts = [token.text for token in tokens]
    before = _word_before(parts, place)
    if tokens[0].kind == "stamp":
        return [replace(word_column("unknown", "", texts), word="date")]
    if tokens[0].kind == "word":
        return [] if place and _units(parts, place - 1) else [_words(before, texts)]
    units = _units(parts, place)
    if units:
        return [_measured(before, tokens, units)]
    after = _word_after(parts, place)
    return _numbers(before, after, tokens)


def _constant_word(parts: Sequence[Sequence[Token]], place: int) -> str:
    if not 0 <= place < len(parts) or parts[place][0].kind != "word":
        return ""
    texts = {token.text.casefold() for token in parts[place]}
    return parts[place][0].text if len(texts) == 1 else ""


def _word_before(parts: Sequence[Sequence[Token]], place: int) -> str:
    """Return the word before a part, unless it ends another number, as in "20x 3"."""
    word = _constant_word(parts, place - 1)
    ends = place > 1 and parts[place - 2][0].kind == "number" and parts[place - 1][0].glued
    return "" if ends and not parts[place][0].glued else word


def _word_after(parts: Sequence[Sequence[Token]], place: int) -> str:
    """Return the word that a number runs into, unless it announces the next number."""
    word = _constant_word(parts, place + 1)
    is_glued = bool(word) and all(token.glued for token in parts[place + 1])
    announces = place + 2 < len(parts) and all(token.glued for token in parts[place + 2])
    is_unit = word in LENGTHS_UM or word.casefold() in TIMES
    return word if is_glued and (is_unit or not announces) else ""


def _units(parts: Sequence[Sequence[Token]], place: int) -> list[str]:
    """Return the units that numbers run into, if all are lengths and they differ."""
    if place + 1 >= len(parts) or parts[place][0].kind != "number":
        return []
    units = [token.text if token.glued else "" for token in parts[place + 1]]
    return units if len(set(units)) > 1 and all(unit in LENGTHS_UM for unit in units) else []


def _measured(before: str, tokens: Sequence[Token], units: Sequence[str]) -> Column:
    """Return a column of lengths, each with a unit of its own, such as 500nm and 1um."""
    signs = _signs(tokens, always=True)
    texts = [token.text for token in tokens]
    column = number_column(kind_of_word(before), before, texts, signs)
    pairs = zip(column.numbers or (), units, strict=True)
    lengths = tuple(number * LENGTHS_UM[unit] for number, unit in pairs)
    labels = tuple(f"{label}{unit}" for label, unit in zip(column.labels, units, strict=True))
    kind = _kind_of_height(column.kind, before, is_measured=True)
    return replace(column, kind=kind, labels=labels, keys=lengths, numbers=lengths, unit_um=1.0)


def _kind_of_height(kind: NameKind, word: str, *, is_measured: bool) -> NameKind:
    """Return z for numbers that may be heights: places of a stage are counted, heights measured."""
    is_height = kind == "unknown" or word.casefold() in _POSITION_WORDS
    return "z" if is_height and (is_measured or kind == "position") else kind


def _words(before: str, texts: Sequence[str]) -> Column:
    is_dye = all(map(names_channel, texts)) or set(texts) == _COLOURS
    is_channel = is_dye or kind_of_word(before) == "channel"
    return word_column("channel" if is_channel else "unknown", "", texts)


def _numbers(before: str, after: str, tokens: Sequence[Token]) -> list[Column]:
    kind, word, unit_um = kind_of_word(before), before, LENGTHS_UM.get(after)
    if kind != "z" and after == "nm" and _are_wavelengths(tokens):
        return [number_column("channel", "", [token.text for token in tokens])]
    if kind == "unknown" and unit_um is None:
        kind = kind_of_word(after) if len(after) <= 2 else "unknown"
        kind = kind if kind in ("z", "channel", "time") else kind_of_unit(after)
    signs = _signs(tokens, always=unit_um is not None)
    texts = [token.text for token in tokens]
    is_measured = unit_um is not None or (signs is not None and min(signs) < 0)
    if is_measured or any(not text.isdigit() for text in texts):
        kind = _kind_of_height(kind, word, is_measured=is_measured)
    pair = None if unit_um is not None or kind == "z" else _two_integers(texts)
    if pair is not None:
        return [number_column("unknown", "", list(part)) for part in pair]
    return [number_column(kind, word, texts, signs, after if unit_um is not None else "")]


def _are_wavelengths(tokens: Sequence[Token]) -> bool:
    """Whether numbers of nm are those of light, from violet to infrared."""
    return all(token.text.isdigit() and 300 <= int(token.text) <= 1100 for token in tokens)


def _signs(tokens: Sequence[Token], *, always: bool) -> list[int] | None:
    """Return the signs of numbers; a hyphen before all of them only separates."""
    if len({token.sign for token in tokens}) == 1 and not always:
        return None
    return [-1 if is_minus(token.sign) else 1 for token in tokens]


def _two_integers(texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Split 1.9, 1.10 into series 1, image 9 and 10; None where they are decimals."""
    pairs = [tuple(re.split("[.,]", text)) for text in texts]
    if any(len(pair) != 2 for pair in pairs):
        return None
    whole, rest = (tuple(part) for part in zip(*pairs, strict=True))
    counted = sorted({int(text) for text in rest})
    is_run = counted == list(range(counted[0], counted[0] + len(counted)))
    if len(set(whole)) == 1:
        return (whole, rest) if is_run and len({len(text) for text in rest}) > 1 else None
    values = sorted({float(text.replace(",", ".")) for text in texts})
    steps = [b - a for a, b in itertools.pairwise(values)]
    is_grid = len(set(whole)) * len(counted) == len(set(pairs))
    is_even = len(steps) < 2 or max(steps) - min(steps) < 1e-6 * max(map(abs, values))
    return (whole, rest) if is_grid and is_run and len(counted) > 1 and not is_even else None
