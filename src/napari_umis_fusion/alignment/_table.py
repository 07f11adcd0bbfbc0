"""The table of an alignment as a CSV file, for spreadsheets and for reuse."""

import csv
import io
from dataclasses import astuple, dataclass, fields
from os import PathLike
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._plane_motion import MotionModel, PlaneMotion, motion_of
from napari_umis_fusion.alignment._transforms import Transform
from napari_umis_fusion.errors import AlignmentError, StackFileError
from napari_umis_fusion.runtime import naming_faults, read_text, user_path, write_csv

_TRANSFORM = ("m00", "m01", "m10", "m11", "offset_rows_px", "offset_columns_px")
_SHARED = ("height_px", "width_px", "model", "reference")
_MOTION = tuple(spec.name for spec in fields(PlaneMotion))

LARGEST_FACTOR, LARGEST_SHIFT_PX = 100.0, 1e7
"""Entries of a matrix, and shifts, beyond which a table is damaged."""

COLUMNS = (*_MOTION, *_TRANSFORM, *_SHARED)
"""Columns of the file: readable motion, exact transform, and values shared by all planes."""


@dataclass(frozen=True, slots=True, eq=False)
class TransformTable:
    """The content of the file.

    Attributes
    ----------
    model : {"none", "translation", "similarity", "affine"}
        The kind of the transforms.
    reference : int
        The plane to which the others are registered.
    shape : tuple of int
        (Y, X) of the planes.
    transforms : ndarray of float64, shape (Z, 2, 3)
        As in `Alignment`.
    planes : tuple of PlaneMotion
        Motion and evidence of each plane.
    """

    model: MotionModel
    reference: int
    shape: tuple[int, int]
    transforms: NDArray[np.float64]
    planes: tuple[PlaneMotion, ...]


def write_table(table: TransformTable, path: str | Path) -> Path:
    """Write a table as CSV, atomically.

    Raises
    ------
    StackFileError
        If the file cannot be written, or holds something else than such a table.
    """
    target = user_path(path)
    check_table_path(target)
    whole = (*table.shape, table.model, table.reference)
    rows: list[tuple[object, ...]] = [COLUMNS]
    for row, transform in zip(table.planes, table.transforms, strict=True):
        exact = (*transform[:, :2].ravel().tolist(), *transform[:, 2].tolist())
        rows.append((*astuple(row), *map(repr, exact), *whole))
    advice = "choose another folder"
    with naming_faults(target, StackFileError, "cannot be written", advice, of=OSError):
        write_csv(target, rows)
    return target


def check_table_path(path: Path) -> None:
    """Refuse to replace a file that is not a table of transforms; raises `StackFileError`."""
    if not path.exists():
        return
    try:
        read_table(path)
    except AlignmentError as error:
        msg = f"{path}: exists, and is no table of transforms. Choose another name."
        raise StackFileError(msg) from error


def read_table(path: str | PathLike[str]) -> TransformTable:
    """Read what `write_table` wrote.

    Raises
    ------
    AlignmentError
        If the file cannot be read, or is not such a table.
    """
    advice = "pass a CSV file that was saved from an alignment."
    with naming_faults(path, AlignmentError, "no table of transforms", advice):
        return _table(list(csv.DictReader(io.StringIO(read_text(user_path(path)), newline=""))))


def _table(rows: list[dict[str, str]]) -> TransformTable:
    """Parse rows in any order; readable motions are recomputed from the exact transforms."""
    rows = sorted(rows, key=lambda row: int(row["z"]))
    if [int(row["z"]) for row in rows] != list(range(len(rows))):
        raise ValueError("its rows are not one for each plane from 0 on")
    if not rows:
        raise ValueError("it has no rows")
    first = rows[0]
    numbers = np.array([[float(row[name]) for name in _TRANSFORM] for row in rows])
    if not (np.abs(numbers) <= (*[LARGEST_FACTOR] * 4, *[LARGEST_SHIFT_PX] * 2)).all():
        raise ValueError("its transforms are no motions of planes")
    transforms = np.concatenate([numbers[:, :4].reshape(-1, 2, 2), numbers[:, 4:, None]], axis=2)
    shape = int(first["height_px"]), int(first["width_px"])
    models = {model: model for model in get_args(MotionModel)}
    planes = tuple(_row(row, one, shape) for row, one in zip(rows, transforms, strict=True))
    model, reference = models[first["model"]], int(first["reference"])
    return TransformTable(model, reference, shape, transforms, planes)


def _row(row: dict[str, str], transform: Transform, shape: tuple[int, int]) -> PlaneMotion:
    before, after = (_number(row[f"agreement_{when}"]) for when in ("before", "after"))
    return motion_of(int(row["z"]), transform, shape, before=before, after=after, why=row["why"])


def _number(text: str) -> float:
    return float(text) if text else np.nan
