"""Whether names count anything."""

import itertools
from collections.abc import Sequence

from napari_umis_fusion.files.names._column import varying_columns
from napari_umis_fusion.files.names._table import token_table
from napari_umis_fusion.files.names._words import kind_of_word


def counts(names: Sequence[str]) -> bool:
    """Whether names count along some axis, as those of the folders ZStep_1 and ZStep_2 do.

    Parameters
    ----------
    names : sequence of str
        Names of folders, or of files without extension; a single name counts if the word before
        its number says what.
    """
    table = token_table(names) if names else None
    if table is None:
        return False
    if len(names) > 1:
        columns = varying_columns(table)
        return any(column.numbers is not None or column.word == "well" for column in columns)
    (row,) = table
    pairs = itertools.pairwise(row)
    return any(
        word.kind == "word" and number.kind == "number" and kind_of_word(word.text) != "unknown"
        for word, number in pairs
    )
