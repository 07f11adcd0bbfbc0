"""Files told apart by the scheme of their names."""

from collections.abc import Sequence
from pathlib import Path

from napari_umis_fusion.files.names._arrange import names_of
from napari_umis_fusion.files.names._spelling import spelt_plainly
from napari_umis_fusion.files.names._table import token_table
from napari_umis_fusion.files.names._tokens import tokens_of
from napari_umis_fusion.files.names._vendors import vendor_columns


def split_schemes(paths: Sequence[Path]) -> list[list[Path]]:
    """Split files into those that are named alike but for numbers.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        In natural order.

    Returns
    -------
    list of list of pathlib.Path
        In the order of the first file of each; all files in one list where all names follow one
        scheme, or no two of them do.
    """
    if len(paths) < 2:
        return [list(paths)] if paths else []
    names = names_of(paths)
    if vendor_columns(names) is not None or token_table(names) is not None:
        return [list(paths)]
    found: dict[tuple[str, ...], list[Path]] = {}
    for path, name in zip(paths, spelt_plainly(names), strict=True):
        found.setdefault(_scheme(name), []).append(path)
    return [list(paths)] if len(found) == len(paths) else list(found.values())


def _scheme(name: str) -> tuple[str, ...]:
    return tuple(token.text if token.kind == "word" else "" for token in tokens_of(name))
