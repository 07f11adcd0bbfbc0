"""Tables of a run as CSV: the quality of each stack, and what failed."""

from typing import Any

from napari_umis_fusion.runtime import write_csv
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
    for name, heads, rows in (("quality", QUALITY, fused), ("failures", FAILURES, failed)):
        cells = [[row[head] for head in heads] for row in rows]
        write_csv(plan.state / f"{name}.csv", (heads, *cells))


def _planes(plan: RunPlan, cell: Cell) -> int:
    return plan.source.fields[cell.field].size("z")


def _where(plan: RunPlan, cell: Cell) -> dict[str, Any]:
    *well, field = plan.source.fields[cell.field].name.split("/")
    return {"well": "".join(well), "field": field, "time": cell.time}
