"""Images and plates of OME-Zarr among the inputs of a batch: a row for each of their stacks."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.batch import (
    BatchEntry,
    BatchEvent,
    BatchOptions,
    BatchStack,
    BatchStarted,
    BatchSummary,
    Grouping,
    LeftOut,
    Searching,
    StackBegun,
    StackEnded,
    StackWorking,
    batch_command,
    iter_batch,
    iter_find_stacks,
    thumbnail,
)
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files.ome_zarr import zarr_kind, zarr_layers
from napari_umis_fusion.runtime import failure_reason, map_events
from napari_umis_fusion.scale import (
    FieldFailed,
    FieldFused,
    PlannedStack,
    ZarrProgress,
    iter_fuse_zarr,
    plan_zarr,
    planned_stacks,
    zarr_command,
)

Events = Generator[Any, None, Any]

PICTURES = 100
"""Thumbnails of what is fused already that are read before the start, of each input."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a batch is to fuse.

    Attributes
    ----------
    files : tuple of str
        Folders and files.
    zarrs : dict of str to str
        Images and plates of OME-Zarr, with the name of the result of each.
    wells : str
        Wells of the plates, as names or patterns; empty for all.
    """

    files: tuple[str, ...]
    zarrs: dict[str, str]
    wells: str = ""

    @classmethod
    def of(cls, paths: Sequence[str], wells: str = "") -> "Inputs":
        """Tell folders of OME-Zarr from others, and name their results."""
        found = [path for path in paths if zarr_kind(path) in ("image", "plate")]
        names: dict[str, str] = {}
        for path in found:
            name = Path(path).name
            stem, dot, ending = name.partition(".")
            number = 1
            while name.casefold() in map(str.casefold, names.values()):
                number += 1
                name = f"{stem}_{number}{dot}{ending}"
            names[path] = name
        return cls(tuple(path for path in paths if path not in names), names, wells)

    @property
    def has_plates(self) -> bool:
        """Whether there are wells to choose from."""
        return any(zarr_kind(path) == "plate" for path in self.zarrs)

    def wells_of(self, path: str) -> str:
        """Return the wells of an input; an image has none."""
        return self.wells if zarr_kind(path) == "plate" else ""


def iter_find(inputs: Inputs, options: BatchOptions, output: str | None) -> Events:
    """Find all stacks, as `iter_find_stacks` does."""
    grouping = Grouping((), ())
    if inputs.files:
        grouping = yield from iter_find_stacks(inputs.files, options, output=output)
    works = yield from _iter_works(inputs, output or "output", FusionConfig())
    return works.started(grouping, ()).grouping


def iter_fuse_all(
    inputs: Inputs,
    output: str,
    config: FusionConfig,
    options: BatchOptions,
    *,
    resume: bool = False,
    retry: bool = False,
) -> Events:
    """Fuse files as `iter_batch` does, then each image and plate of OME-Zarr, with its events."""
    works = yield from _iter_works(inputs, output, config)
    summary = BatchSummary((), works.table(output))
    if inputs.files:
        steps = iter_batch(inputs.files, output, config, options, resume=resume, retry=retry)
        summary = yield from _with_rows(steps, works)
    else:
        yield works.started(Grouping((), ()), ())
    entries = list(summary.entries)
    for work in works.all:
        entries += yield from work.iter_fuse(len(entries))
    return BatchSummary(tuple(entries), summary.table)


def commands_for(inputs: Inputs, output: str, config: FusionConfig, options: BatchOptions) -> str:
    """Return the command lines that do the same, one below the other."""
    lines = [batch_command(inputs.files, output, config, options)] if inputs.files else []
    lines += [
        zarr_command(source, Path(output) / name, config, wells=inputs.wells_of(source))
        for source, name in inputs.zarrs.items()
    ]
    return "\n".join(lines)


def _with_rows(steps: Events, works: "_Works") -> Events:
    """Yield the events of a batch, with the rows of OME-Zarr below its own."""

    def with_rows(event: BatchEvent) -> BatchEvent:
        if not isinstance(event, BatchStarted):
            return event
        return works.started(event.grouping, event.entries)

    return (yield from map_events(steps, with_rows))


def _iter_works(
    inputs: Inputs, output: str, config: FusionConfig
) -> Generator[Searching, None, "_Works"]:
    """Find out what there is in each input of OME-Zarr; what cannot be opened is left out."""
    works, left_out = list[_Work](), list[LeftOut]()
    for source, name in inputs.zarrs.items():
        try:
            work = _Work.plan(source, Path(output) / name, config, inputs.wells_of(source))
        except UmisFusionError as error:
            left_out.append(LeftOut(Path(source), str(error).removeprefix(f"{source}: ")))
        else:
            works.append(work)
        yield Searching(len(works), sum(len(one.rows) for one in works))
    return _Works(works, left_out)


@dataclass(frozen=True, slots=True)
class _Works:
    """All inputs of OME-Zarr."""

    all: list["_Work"]
    left_out: list[LeftOut]

    def started(self, grouping: Grouping, entries: tuple[BatchEntry, ...]) -> BatchStarted:
        """Return the start of a batch with the rows of these inputs below those that are given."""
        rows = [row for work in self.all for row in work.rows]
        stacks = (*grouping.stacks, *(stack for stack, _ in rows))
        every = Grouping(stacks, (*grouping.left_out, *self.left_out))
        return BatchStarted(every, (*entries, *(entry for _, entry in rows)))

    def table(self, output: str) -> Path:
        """Return the table of the first; the folder of results where there is none."""
        return self.all[0].table if self.all else Path(output)


@dataclass(frozen=True, slots=True)
class _Work:
    """The fusion of one image or plate of OME-Zarr."""

    source: str
    output: Path
    config: FusionConfig
    wells: str
    rows: list[tuple[BatchStack, BatchEntry]]
    stacks: dict[str, PlannedStack]

    @classmethod
    def plan(cls, source: str, output: Path, config: FusionConfig, wells: str) -> "_Work":
        """Find out which stacks there are; nothing is written."""
        stacks = planned_stacks(plan_zarr(source, output, config, wells=wells))
        prefix = output.name.partition(".")[0]
        rows = [
            (_row(prefix, one), _entry(prefix, one, has_picture=number < PICTURES))
            for number, one in enumerate(stacks)
        ]
        return cls(source, output, config, wells, rows, {one.name: one for one in stacks})

    @property
    def table(self) -> Path:
        """The table of its quality."""
        return self.output / "umis-fusion" / "quality.csv"

    def iter_fuse(self, first: int) -> Generator[Any, None, list[BatchEntry]]:
        """Yield the events of a batch; the stacks are numbered from `first`."""
        entries = {name: entry for name, (_, entry) in zip(self.stacks, self.rows, strict=True)}
        numbers = {name: first + place for place, name in enumerate(self.stacks)}
        told, begun, has_started = set[str](), "", False
        steps = iter_fuse_zarr(self.source, self.output, self.config, wells=self.wells)
        try:
            for event in self._iter_events(steps):
                name, has_started = getattr(event, "name", ""), True
                if name not in numbers:
                    continue
                if isinstance(event, ZarrProgress):
                    if name != begun and name not in told:
                        begun = name
                        yield StackBegun(numbers[name])
                    if name not in told:
                        done, total = event.planes_done, event.planes_total
                        yield StackWorking(numbers[name], "fusing", done, total)
                else:
                    told.add(name)
                    entries[name] = self._ended(entries[name], event)
                    yield StackEnded(numbers[name], entries[name])
        except Exception as error:  # whatever one input does, the others are to be fused
            for name in self.stacks:
                # Before the start, what is there may be of other options.
                if name not in told and (not has_started or entries[name].status == "waiting"):
                    entries[name] = replace(
                        entries[name], status="failed", reason=failure_reason(error)
                    )
                    yield StackEnded(numbers[name], entries[name])
        return list(entries.values())

    def _iter_events(self, steps: Events) -> Iterator[Any]:
        try:
            yield from steps
        finally:
            steps.close()

    def _ended(self, entry: BatchEntry, event: FieldFused | FieldFailed) -> BatchEntry:
        if isinstance(event, FieldFailed):
            return replace(entry, status="failed", reason=event.message)
        return replace(_fused(entry, event, self.stacks[event.name].result), status="done")


def _row(prefix: str, one: PlannedStack) -> BatchStack:
    return BatchStack(f"{prefix}/{one.name}", (Path(one.source),))


def _entry(prefix: str, one: PlannedStack, *, has_picture: bool) -> BatchEntry:
    entry = BatchEntry(f"{prefix}/{one.name}", shape=one.shape)
    if one.fused is None:
        return entry
    return _fused(entry, one.fused, one.result, has_picture=has_picture)


def _fused(
    entry: BatchEntry, fused: FieldFused, result: Path, *, has_picture: bool = True
) -> BatchEntry:
    return replace(
        entry,
        status="skipped",
        seconds=fused.seconds,
        never_in_focus=fused.never_in_focus,
        outputs={"all_in_focus": result},
        notes=fused.notes,
        thumbnail=_thumbnail(result) if has_picture else "",
    )


def _thumbnail(result: Path) -> str:
    """Return a reduced picture of a result; empty if it cannot be read."""
    with suppress(UmisFusionError, OSError, ValueError):
        levels = zarr_layers(result)[0][0]
        smallest = np.asarray(levels[-1] if isinstance(levels, list) else levels)
        return thumbnail(smallest.reshape(-1, *smallest.shape[-2:])[0], rgb=False)
    return ""
