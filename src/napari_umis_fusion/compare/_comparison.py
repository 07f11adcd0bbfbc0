"""The result of a comparison: a row for each way to fuse."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from napari_umis_fusion.compare._candidate import Candidate
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.write import check_csv_path, naming_write_errors
from napari_umis_fusion.fusion import FusionResult
from napari_umis_fusion.runtime import changed_fields, write_csv

Better = Literal["low", "high", "neither"]


@dataclass(frozen=True, slots=True)
class Column:
    """A number of a comparison.

    Attributes
    ----------
    title : str
        Its name in tables.
    unit : str
        Its unit; empty for shares, 0 to 1.
    about : str
        What it is, and what it rewards wrongly.
    better : {"low", "high", "neither"}
        Which end is sorted first; "neither" for a number that no fusions are to be ranked by.
    form : str
        How it is written, as of `format`.
    """

    title: str
    unit: str
    about: str
    better: Better
    form: str

    def text(self, value: float | None) -> str:
        """Return a value as text; empty if it is not known."""
        return "" if value is None else format(value, self.form)


COLUMNS: dict[str, Column] = {
    "seconds": Column(
        "time",
        "s",
        "Working time of the fusion, with alignment and reading, without the time to load its "
        "network. Files that the system keeps in memory are read faster the second time.",
        "low",
        ".2f",
    ),
    "memory_mb": Column(
        "memory",
        "MB",
        "Growth of this program's memory while it fused, sampled about every 0.05 s, without what "
        "was loaded before, such as a network.",
        "low",
        ".0f",
    ),
    "false_edge_rate": Column(
        "false edges",
        "",
        "Share of pixels with an edge that no plane has. Blur has none: read it together with the "
        "shown focus.",
        "low",
        ".4f",
    ),
    "shown_focus": Column(
        "shown focus",
        "",
        "Focus of the image, up to that of the sharpest plane at each pixel, as a share of it, "
        "measured by 'laplacian'. Noise raises it.",
        "high",
        ".3f",
    ),
    "agreement": Column(
        "agreement",
        "",
        "Share of pixels, of those that both show in focus, whose plane is within one of that of "
        "another config; the mean over the others. Many that err alike agree.",
        "high",
        ".3f",
    ),
    "depth_difference": Column(
        "depth difference",
        "planes",
        "Mean absolute difference of depth to another config, on the same pixels; the mean over "
        "the others.",
        "low",
        ".3f",
    ),
    "edge_preservation": Column(
        "Q^AB/F",
        "",
        "Edges of all planes kept, also those of blur: a mean of the planes scores above the "
        "truth. Never rank fusions of a stack by it.",
        "neither",
        ".3f",
    ),
}
"""The numbers of a row, in the order of the table."""


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """What was found of one way to fuse; numbers are None where they are not known.

    Attributes
    ----------
    candidate : Candidate
        Its name and config.
    reason : str
        Why it failed; empty if it is fused.
    seconds, memory_mb, false_edge_rate, shown_focus, agreement, depth_difference, \
edge_preservation : float or None
        As `COLUMNS` explains them.
    notes : tuple of str
        Notes of the fusion, and why a number is missing.
    result : FusionResult or None
        The result, if results are kept.
    """

    candidate: Candidate
    reason: str = ""
    seconds: float | None = None
    memory_mb: float | None = None
    false_edge_rate: float | None = None
    shown_focus: float | None = None
    agreement: float | None = None
    depth_difference: float | None = None
    edge_preservation: float | None = None
    notes: tuple[str, ...] = ()
    result: FusionResult | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name of the candidate."""
        return self.candidate.name

    @property
    def is_fused(self) -> bool:
        """Whether there is a result."""
        return not self.reason

    def numbers(self) -> dict[str, float | None]:
        """Return the numbers by the names of `COLUMNS`."""
        return {name: getattr(self, name) for name in COLUMNS}

    def as_dict(self) -> dict[str, Any]:
        """Return the row as JSON values, without the result."""
        config = self.candidate.config
        return {
            "name": self.name,
            "reason": self.reason,
            **self.numbers(),
            "notes": list(self.notes),
            "options": changed_fields(config),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found of several ways to fuse one stack.

    Attributes
    ----------
    rows : tuple of ComparedRow
        One for each that is finished, in the order in which they were fused.
    shape : tuple of int
        Shape of the part of the stack that was fused.
    region : pair of (int, int), or None
        Its first row (column), and the one after the last; None for whole planes.
    """

    rows: tuple[ComparedRow, ...]
    shape: tuple[int, ...]
    region: tuple[tuple[int, int], tuple[int, int]] | None = None

    def __getitem__(self, name: str) -> ComparedRow:
        """Return the row of a name; raises `KeyError` if there is none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def sorted_by(self, column: str, *, descending: bool | None = None) -> "Comparison":
        """Return the comparison with its rows sorted; rows without the number come last.

        Parameters
        ----------
        column : str
            "name", or a key of `COLUMNS`.
        descending : bool, optional
            By default the better end first, and names from A to Z.

        Raises
        ------
        ConfigError
            If there is no such column.
        """
        if column != "name" and column not in COLUMNS:
            raise ConfigError(f"column={column!r}; accepted are name, {', '.join(COLUMNS)}.")
        if descending is None:
            descending = column in COLUMNS and COLUMNS[column].better == "high"
        keys = {row.name: _key(row, column) for row in self.rows}
        known = [row for row in self.rows if keys[row.name] is not None]
        unknown = [row for row in self.rows if keys[row.name] is None]
        known.sort(key=lambda row: keys[row.name], reverse=descending)
        return Comparison((*known, *unknown), self.shape, self.region)

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return {
            "shape": list(self.shape),
            "region": None if self.region is None else [list(side) for side in self.region],
            "rows": [row.as_dict() for row in self.rows],
        }

    def write_csv(
        self, path: str | os.PathLike[str], *, protect: Iterable[str | os.PathLike[str]] = ()
    ) -> Path:
        """Write the table, atomically; returns the file, absolute.

        Parameters
        ----------
        path : path
            A file that ends in .csv.
        protect : iterable of path
            Files that are never overwritten.

        Raises
        ------
        StackFileError
            For another extension, a protected file, or one that cannot be written.
        """
        target = check_csv_path(path, protect=protect)
        heads = ["name", "status", *COLUMNS, "notes", "reason", "options"]
        with naming_write_errors(target):
            write_csv(target, (heads, *map(_cells, self.rows)))
        return target


def _key(row: ComparedRow, column: str) -> Any:
    return row.name.casefold() if column == "name" else getattr(row, column)


def _cells(row: ComparedRow) -> list[object]:
    numbers = ["" if value is None else f"{value:.6g}" for value in row.numbers().values()]
    options = json.dumps(changed_fields(row.candidate.config))
    status = "fused" if row.is_fused else "failed"
    return [row.name, status, *numbers, "; ".join(row.notes), row.reason, options]
