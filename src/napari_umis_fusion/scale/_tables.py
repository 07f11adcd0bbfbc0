"""Tables of a run as CSV: the quality of each stack, and what failed."""

import csv
import io
from pathlib import Path
from typing import Any

from napari_umis_fusion.runtime import atomic_write
from napari_umis_fusion.scale._markers import Markers, read_marker
from napari_umis_fusion.scale._run_plan import Cell, RunPlan

WHERE = ("well", "field", "time")
QUALITY = (*WHERE, "planes", "never_in_focus", "median_confidence", "seconds", "notes")
FAILURES = (*WHERE, "error", "message")
"""Columns of the tables."""


def write_tables(plan: RunPlan) -> None:
    """Write ``quality.csv`` and ``failures.csv``, of all that is known now."""
    fused, failed = [], []
    for cell in plan.cells:
        markers, where = Markers(plan, cell), _where(plan, cell)
        if markers.is_finished:
            found = {**read_marker(markers.finished), "planes": _planes(plan, cell)}
            found["notes"] = "; ".join(found["notes"])
            fused.append({**where, **{name: found[name] for name in QUALITY[len(WHERE) :]}})
        elif markers.failed.is_file():
            found = read_marker(markers.failed)
            failed.append({**where, **{name: found[name] for name in FAILURES[len(WHERE) :]}})
    _write(plan.state / "quality.csv", QUALITY, fused)
    _write(plan.state / "failures.csv", FAILURES, failed)


def _planes(plan: RunPlan, cell: Cell) -> int:
    return plan.source.fields[cell.field].size("z")


def _where(plan: RunPlan, cell: Cell) -> dict[str, Any]:
    *well, field = plan.source.fields[cell.field].name.split("/")
    return {"well": "".join(well), "field": field, "time": cell.time}


def _write(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    with atomic_write(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
