"""File names of one scheme as a table: a row for each name, a column for each part."""

import re
from collections import Counter
from collections.abc import Sequence

from napari_umis_fusion.files.names._spelling import spelt_plainly
from napari_umis_fusion.files.names._tokens import Token, tokens_of
from napari_umis_fusion.presets import join_dyes, names_channel

_SEPARATORS = (r"[_\s/]+", r"[_/]+", r"(?!)")
Row = tuple[Token, ...]


def token_table(names: Sequence[str]) -> list[Row] | None:
    """Cut names into tokens, so that each column means the same in all names.

    Parameters
    ----------
    names : sequence of str
        File names without extension.

    Returns
    -------
    list of tuple of Token, or None
        One row for each name, all of one length; None if the names follow no common scheme.
    """
    names = spelt_plainly([join_dyes(name) for name in names])
    rows = [tokens_of(name) for name in names]
    if len({_pattern(row) for row in rows}) == 1:
        return rows
    # Names of dyes consist of different parts (DAPI, Cy3): look for them between separators.
    for separator in _SEPARATORS:
        fields = [re.split(separator, name) for name in names]
        if len({len(parts) for parts in fields}) == 1:
            columns = [_field_table(column) for column in zip(*fields, strict=True)]
            if all(column is not None for column in columns):
                known = [column for column in columns if column is not None]
                return [sum(parts, ()) for parts in zip(*known, strict=True)]
    return None


def _pattern(row: Row) -> tuple[str, ...]:
    return tuple(token.kind for token in row)


def _field_table(fields: Sequence[str]) -> list[Row] | None:
    """Cut one field of all names; what differs in kind becomes one word at its end."""
    rows = [tokens_of(text) for text in fields]
    patterns = {_pattern(row) for row in rows}
    if len(patterns) == 1:
        return rows
    shortest = min(map(len, patterns))
    for common in range(shortest - 1, -1, -1):
        rests = ["".join(token.sign + token.text for token in row[common:]) for row in rows]
        # What stands in one name only is no category, unless it is known to be a dye.
        is_category = min(Counter(rests).values()) > 1 or all(map(names_channel, rests))
        if len({row[:common] for row in patterns}) == 1 and is_category:
            ends = [Token("word", rest) for rest in rests]
            return [(*row[:common], end) for row, end in zip(rows, ends, strict=True)]
    return None


def odd_names(names: Sequence[str]) -> list[int]:
    """Return which names do not follow the scheme of most others; empty without such a scheme.

    Parameters
    ----------
    names : sequence of str
        File names without extension.

    Returns
    -------
    list of int
        Places in `names`.
    """
    patterns = [
        tuple((token.kind, token.text if token.kind == "word" else "") for token in tokens_of(name))
        for name in spelt_plainly(names)
    ]
    (most, count), *_ = Counter(patterns).most_common(1)
    numbered = any(kind != "word" for kind, _ in most)
    if not numbered or count < 2 or 2 * count < len(names):
        return []
    return [place for place, pattern in enumerate(patterns) if pattern != most]


def repeated_counts(names: Sequence[str]) -> list[int]:
    """Return names of one last number, where each last number occurs in several names.

    Parameters
    ----------
    names : sequence of str
        File names without extension.

    Returns
    -------
    list of int
        Places in `names`; empty where numbers tell all planes apart.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(spelt_plainly(names)):
        numbers = [token.text for token in tokens_of(name) if token.kind == "number"]
        if not numbers:
            return []
        places.setdefault(numbers[-1].lstrip("0"), []).append(place)
    alike = list(places.values())
    return alike[0] if len(alike) > 1 and min(map(len, alike)) > 1 else []
