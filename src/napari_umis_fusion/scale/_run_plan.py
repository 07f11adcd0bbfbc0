"""The plan of a run, kept in its output: all processes that work on it read the same one."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from napari_umis_fusion.config import WITHOUT_EFFECT, FusionConfig
from napari_umis_fusion.errors import BusyError, StackFileError
from napari_umis_fusion.files.ome_zarr import ZarrImage, ZarrStack
from napari_umis_fusion.fusion import ShardGrid, plan_shards
from napari_umis_fusion.runtime import (
    atomic_write,
    locked,
    package_version,
    read_json,
    reason_of,
    user_path,
)
from napari_umis_fusion.scale._source import ZarrSource

STATE = "umis-fusion"
"""Folder in the output that holds plan, markers, alignments and provenance."""

PATIENCE_S = 60.0
"""How long to wait for another process that writes the plan."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One stack of a run: a time point of a field.

    Attributes
    ----------
    field : int
        Which field of the plan.
    time : int
        Which time point.
    """

    field: int
    time: int


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run.

    Attributes
    ----------
    output : Path
        Where results are written.
    source : ZarrSource
        What is fused.
    config : FusionConfig
        How.
    keeps_z : bool
        Whether results have an axis z of size 1.
    grids : tuple of ShardGrid
        The shards of each field.
    """

    output: Path
    source: ZarrSource
    config: FusionConfig
    keeps_z: bool
    grids: tuple[ShardGrid, ...]

    @classmethod
    def of(
        cls,
        output: Path,
        source: ZarrSource,
        config: FusionConfig,
        *,
        keeps_z: bool = True,
        shard_px: int = 0,
    ) -> "RunPlan":
        """Plan a run; nothing is written."""
        stacks = (ZarrStack(one) for one in source.fields)
        grids = tuple(plan_shards(stack, config, shard_px) for stack in stacks)
        return cls(output, source, config, keeps_z, grids)

    @property
    def state(self) -> Path:
        """The folder of the plan and of all markers."""
        return self.output / STATE

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All stacks, field by field."""
        return tuple(
            Cell(number, time)
            for number, one in enumerate(self.source.fields)
            for time in range(one.size("t"))
        )

    def blocks(self, cell: Cell) -> int:
        """Count the blocks of a stack."""
        return len(self.grids[cell.field].blocks)

    def folder(self, cell: Cell) -> Path:
        """Return where the markers of a stack are."""
        return self.state / (self.source.fields[cell.field].name or "image") / f"t{cell.time:04d}"

    def image(self, field: int) -> Path:
        """Return the group of a field in the output."""
        name = self.source.fields[field].name
        return self.output / name if name else self.output

    def name(self, cell: Cell) -> str:
        """Return how a stack is called in messages."""
        source = self.source.fields[cell.field]
        parts = [source.name] if source.name else []
        parts += [f"time {cell.time}"] if source.size("t") > 1 else []
        return ", ".join(parts) or "image"

    @property
    def made_by(self) -> dict[str, Any]:
        """What decides about the values of results, as JSON values."""
        config = {k: v for k, v in self.config.as_dict().items() if k not in WITHOUT_EFFECT}
        return {
            "version": package_version(),
            "input": self.source.url,
            "config": config,
            "weights": _hash_of(self.config.checkpoint),
            "keep_z": self.keeps_z,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return {
            "software": "napari-umis-fusion",
            "made_by": self.made_by,
            "config": self.config.as_dict(),
            "plate": self.source.plate,
            "fields": [asdict(one) for one in self.source.fields],
            "grids": [asdict(one) for one in self.grids],
        }


def attach(plan: RunPlan) -> RunPlan:
    """Write the plan into its output, or continue with the one that is there.

    Fields that were not planned before are added.

    Raises
    ------
    StackFileError
        If the output holds anything else, or results of another config, version or input.
    BusyError
        If another process writes the plan for too long.
    """
    file = plan.state / "plan.json"
    if plan.output.exists() and not plan.output.is_dir():
        raise StackFileError(f"{plan.output}: is a file; accepted is a folder for results.")
    if plan.output.exists() and not file.is_file() and any(_others(plan.output)):
        raise StackFileError(
            f"{plan.output}: exists, and holds no run of this command; choose another output."
        )
    try:
        plan.state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackFileError(
            f"{plan.output}: cannot be made ({reason_of(error)}); accepted is a folder for results."
        ) from error
    try:
        with locked(plan.state / "plan.lock", PATIENCE_S):
            merged = _merged(load_plan(plan.output), plan) if file.is_file() else plan
            text = json.dumps(merged.as_dict(), indent=1)
            if not file.is_file() or file.read_text("utf-8") != text:
                with atomic_write(file) as temporary:
                    temporary.write_text(text, encoding="utf-8")
    except TimeoutError as error:
        raise BusyError(f"{plan.output}: another process plans a run here ({error})") from error
    return merged


def _others(output: Path) -> Iterator[Path]:
    """Yield what is in a folder besides what an interrupted start of a run left there."""
    return (path for path in output.iterdir() if path.name != STATE)


def load_plan(output: Path) -> RunPlan:
    """Load the plan of a run.

    Raises
    ------
    StackFileError
        If there is none, or it is damaged.
    """
    file = output / STATE / "plan.json"
    try:
        return _load(file, file.stat().st_mtime_ns)
    except StackFileError:
        raise
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise StackFileError(
            f"{file}: is no plan of a run ({error}). Choose another output, or remove this one."
        ) from error


@lru_cache(maxsize=4)
def _load(file: Path, _changed: int) -> RunPlan:
    content = read_json(file)
    fields = tuple(
        ZarrImage(**{name: _tuple(value) for name, value in one.items()})
        for one in content["fields"]
    )
    grids = tuple(
        ShardGrid(**{name: _tuple(value) for name, value in one.items()})
        for one in content["grids"]
    )
    made = content["made_by"]
    source = ZarrSource(made["input"], fields, content["plate"])
    config = FusionConfig(**content["config"])
    plan = RunPlan(file.parents[1], source, config, made["keep_z"], grids)
    if plan.made_by["config"] != made["config"] or len(grids) != len(fields):
        raise ValueError("its parts do not fit together")
    return _as_made(plan, made)


def _as_made(plan: RunPlan, made: dict[str, Any]) -> RunPlan:
    """Refuse results of another version or of other weights."""
    now = plan.made_by
    for name, was in made.items():
        if now[name] != was:
            raise StackFileError(
                f"{plan.output}: holds results of another {name} ({was!r}, not {now[name]!r}); "
                "choose another output, or remove this one."
            )
    return plan


def _merged(known: RunPlan, wanted: RunPlan) -> RunPlan:
    """Return the known plan with the fields that were not in it."""
    was, now = known.made_by, wanted.made_by
    changed = [name for name in now if was[name] != now[name] and name != "config"]
    changed += [name for name, value in now["config"].items() if was["config"][name] != value]
    if changed:
        raise StackFileError(
            f"{known.output}: holds results with another {', '.join(changed)}; accepted are the "
            "same options. Choose another output, or remove this one."
        )
    places = {one.name: place for place, one in enumerate(known.source.fields)}
    fields, grids = list(known.source.fields), list(known.grids)
    for one, grid in zip(wanted.source.fields, wanted.grids, strict=True):
        if one.name not in places:
            fields.append(one)
            grids.append(grid)
        elif fields[places[one.name]] != one:
            raise StackFileError(
                f"{known.output}: {one.name or 'the input'} was another one when it was "
                "fused: its array was written anew; choose another output, or remove this one."
            )
    plate = _joined(known.source.plate, wanted.source.plate)
    source = replace(known.source, fields=tuple(fields), plate=plate)
    return replace(known, source=source, grids=tuple(grids))


def _joined(known: dict[str, Any] | None, wanted: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a plate with the wells of both."""
    if known is None or wanted is None:
        return known
    paths = {well["path"] for well in known["wells"]}
    added = [well for well in wanted["wells"] if well["path"] not in paths]
    return {**known, "wells": [*known["wells"], *added]}


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


def _hash_of(checkpoint: str | None) -> str | None:
    """Return the hash of weights; None for those of the package, which the version names."""
    if checkpoint is None:
        return None
    with user_path(checkpoint).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
