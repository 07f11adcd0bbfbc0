"""The tables of ``alignment.py``."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from harness.alignment_cost import Cost
from harness.alignment_estimators import Errors
from harness.alignment_real import RealScores
from harness.alignment_scores import CaseScores
from harness.alignment_seeds import Spread
from harness.tables import heading, table

ABSENT = "-"


def print_rendered(rows: Sequence[CaseScores], ours: Sequence[str], names: Sequence[str]) -> None:
    """Print how far off alignment is, and what that costs the fused image."""
    _print_cases("Largest error of ours in corners and centre, px", rows, ours, "error_px")
    _print_cases(
        "Loss of ours against the fused aligned twin, dB, where ours says it lies",
        rows,
        ours,
        "strict",
    )
    _print_cases("Loss, dB, every image registered on the truth alike", rows, names, "loss")
    _print_cases("PSNR, dB, of the same", rows, names, "psnr")
    _print_motions(rows, names)
    print_failures((row.case.name, row.failures) for row in rows)


def print_estimators(found: Iterable[Errors]) -> None:
    """Print how far off each estimator is on pairs of planes."""
    print(heading("Error of a pair of planes in corners and centre, px: median (worst)"))
    rows = list(found)
    conditions = list(rows[0].median_px)
    lines = [
        (
            row.estimator,
            *(f"{row.median_px[name]:.2f} ({row.worst_px[name]:.2f})" for name in conditions),
            f"{1000 * row.pair_s:.0f}",
        )
        for row in rows
    ]
    print(table(("estimator", *conditions, "ms for a pair"), lines))


def print_spreads(spreads: Iterable[Spread]) -> None:
    """Print how errors spread over seeds, of each kind of stack and of all."""
    found = list(spreads)
    kinds = {one.stacks: [one] for one in found}
    for kind in ("shaken", "still"):
        kinds[f"all, {kind}"] = [one for one in found if one.stacks.endswith(kind)]
    lines = []
    for name, several in kinds.items():
        errors_px = np.concatenate([one.errors_px for one in several])
        models = sum((one.models for one in several), Counter())
        numbers = np.median(errors_px), np.percentile(errors_px, 95), errors_px.max()
        taken_for = ", ".join(f"{count} {model}" for model, count in models.most_common())
        lines.append((name, str(len(errors_px)), *(f"{one:.2f}" for one in numbers), taken_for))
    print(heading("Error of auto in corners and centre over seeds, px"))
    print(table(("stacks", "seeds", "median", "95 %", "worst", "taken for"), lines))


def print_costs(costs: Sequence[Cost], ways: Sequence[str]) -> None:
    """Print what alignment takes, as a multiple of the fusion."""
    print(heading("Time of alignment / time of the fusion"))
    lines = (
        (
            one.stack,
            f"{one.fusion_s:.2f}",
            *(f"{one.share(way):.2f}" if way in one.aligned_s else ABSENT for way in ways),
        )
        for one in costs
    )
    print(table(("stack", "fusion alone, s", *ways), lines))


def print_real(rows: Sequence[RealScores], names: Sequence[str]) -> None:
    """Print the numbers of real stacks."""
    heads = ("stack", *names)
    print(heading("Mean gradient where all images show the same, grey levels per px"))
    print(table(heads, [(row.name, *_cells(row.methods, names, "gradient")) for row in rows]))
    print(heading("False-edge rate against the planes as they were fused, %"))
    lines = [(row.name, *_cells(row.methods, names, "false_edges", "{:.3f}", 100)) for row in rows]
    print(table(heads, lines))
    print(heading("Size of the image, px"))
    lines = [
        (
            f"{row.name}, {row.shape[0]} x {row.shape[1]} x {row.shape[2]}",
            *("{} x {}".format(*row.sizes[n]) if n in row.sizes else ABSENT for n in names),
        )
        for row in rows
    ]
    print(table(heads, lines))
    print_failures((row.name, row.failures) for row in rows)


def print_failures(failures: Iterable[tuple[str, dict[str, str]]]) -> None:
    """Print who failed where, and with what words."""
    for stack, found in failures:
        for name, words in found.items():
            print(f"\n- {name} failed on {stack}: {(words.strip() or '?').splitlines()[-1]}")


def _print_cases(title: str, rows: Sequence[CaseScores], names: Sequence[str], metric: str) -> None:
    print(heading(title))
    lines = [(row.case.name, *_cells(row.methods, names, metric)) for row in rows]
    print(table(("stack", *names), lines))


def _print_motions(rows: Sequence[CaseScores], names: Sequence[str]) -> None:
    """Print the loss of each motion: mean over scenes, and the worst."""
    lines = []
    for motion in dict.fromkeys(row.case.motion for row in rows):
        cells = []
        for name in names:
            of_motion = [row for row in rows if row.case.motion == motion]
            found = [row.methods[name]["loss"] for row in of_motion if name in row.methods]
            cells.append(f"{np.mean(found):.2f} ({max(found):.2f})" if found else ABSENT)
        lines.append((motion, *cells))
    print(heading("The same loss by motion, dB: mean over the scenes (worst)"))
    print(table(("motion", *names), lines))


def _cells(
    methods: dict[str, dict[str, float]],
    names: Sequence[str],
    metric: str,
    form: str = "{:.2f}",
    scale: float = 1,
) -> list[str]:
    found = (methods.get(name, {}).get(metric) for name in names)
    return [ABSENT if value is None else form.format(scale * value) for value in found]
