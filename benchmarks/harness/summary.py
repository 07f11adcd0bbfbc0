"""Arithmetic on the scores of rows: who is best, and by how much we lead."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.scores import RowScores

SELECTING_FROM = 0.99
"""A method selects if it copies at least this share of its pixels from planes."""


@dataclass(frozen=True, slots=True)
class Lead:
    """By how much a method is ahead, in dB: on average, and where it is least.

    Attributes
    ----------
    mean_db, worst_db : float
        Negative where it is behind.
    worst_row : str
        The row of the least lead.
    """

    mean_db: float
    worst_db: float
    worst_row: str

    def __str__(self) -> str:
        return f"{self.mean_db:+.2f} (worst {self.worst_db:+.2f}, {self.worst_row})"


def mean_of(rows: Iterable[RowScores], name: str, metric: str) -> float | None:
    """Return the mean of a metric; None unless the method has it in every row."""
    found = [row.methods.get(name, {}).get(metric) for row in rows]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known and len(known) == len(found) else None


def selecting(rows: Sequence[RowScores], names: Iterable[str]) -> list[str]:
    """Return the methods that copy their pixels from planes rather than mix them."""
    return [name for name in names if _copied(rows, name) >= SELECTING_FROM]


def _copied(rows: Sequence[RowScores], name: str) -> float:
    shares = [row.methods[name]["copied"] for row in rows if name in row.methods]
    return float(np.mean(shares)) if shares else 0.0


def best_of(row: RowScores, names: Iterable[str]) -> str | None:
    """Return the method of the highest PSNR in a row."""
    there = [name for name in names if name in row.methods]
    return max(there, key=lambda name: row.methods[name]["psnr"], default=None)


def lead(rows: Iterable[RowScores], name: str, rivals: Sequence[str]) -> Lead | None:
    """Return the lead in PSNR over the best rival of each row; None without any rival."""
    leads: list[tuple[float, str]] = []
    for row in rows:
        best = best_of(row, rivals)
        if best is not None and name in row.methods:
            ahead = row.methods[name]["psnr"] - row.methods[best]["psnr"]
            leads.append((ahead, row.name))
    if not leads:
        return None
    worst = min(leads)
    return Lead(float(np.mean([ahead for ahead, _ in leads])), *worst)


def gap_closed(
    rows: Iterable[RowScores], name: str, base: str, ceiling: str, kind: str = "occlusion clean"
) -> float | None:
    """Return the share of the gap from `base` to the ceiling that a method closes.

    PSNR of the rows of one kind is added up first, so that a row without a gap does not count.
    """
    of_kind = [row for row in rows if row.kind == kind]
    if not of_kind or not all({name, base, ceiling} <= set(row.methods) for row in of_kind):
        return None
    mine, low, high = (
        sum(row.methods[method]["psnr"] for row in of_kind) for method in (name, base, ceiling)
    )
    return None if high <= low else (mine - low) / (high - low)
