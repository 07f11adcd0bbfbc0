"""Tables in files of CSV."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from napari_umis_fusion.runtime._atomic_write import atomic_write


def write_csv(path: Path, rows: Iterable[Iterable[object]]) -> None:
    """Write a table, atomically; names of files that are no UTF-8 keep their bytes.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    table = text.getvalue()
    # Without a byte order mark Excel reads no UTF-8; other programs read ASCII best without one.
    encoding = "utf-8" if table.isascii() else "utf-8-sig"
    with atomic_write(path) as beside:
        beside.write_bytes(table.encode(encoding, "surrogateescape"))
