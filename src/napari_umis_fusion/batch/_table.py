"""The table of a batch: a row for each stack, and for what was left out."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from napari_umis_fusion.batch._entry import BatchEntry
from napari_umis_fusion.batch._grouping import LeftOut
from napari_umis_fusion.files.write import naming_write_errors
from napari_umis_fusion.runtime import write_csv

TABLE = "umis-fusion-batch.csv"
"""Name of the table in the folder of results."""

COLUMNS = (
    *("stack", "status", "planes", "height_px", "width_px", "channels", "seconds"),
    *("never_in_focus", "output", "notes", "reason"),
)


def write_table(
    path: Path, entries: Sequence[BatchEntry], left_out: Iterable[LeftOut], folder: Path
) -> None:
    """Write the table, atomically.

    Raises
    ------
    StackFileError
        If it cannot be written, as where another program holds it open.
    """
    rows = (_row(entry, folder) for entry in entries)
    with naming_write_errors(path):
        write_csv(path, (COLUMNS, *rows, *_left_out_rows(left_out)))


def _row(entry: BatchEntry, folder: Path) -> list[object]:
    planes, height, width, *more = entry.shape or ("", "", "")
    image = entry.outputs.get("all_in_focus") if entry.status in ("done", "skipped") else None
    share = entry.never_in_focus
    return [
        *(entry.name, entry.status, planes, height, width, more[0] if more else ""),
        f"{entry.seconds:.2f}" if entry.seconds else "",
        "" if share is None else f"{share:.4f}",
        "" if image is None else image.relative_to(folder).as_posix(),
        "; ".join(entry.notes),
        entry.reason,
    ]


def _left_out_rows(left_out: Iterable[LeftOut]) -> Iterator[list[object]]:
    for one in left_out:
        yield [str(one.path), "left out", *[""] * 8, one.reason]
