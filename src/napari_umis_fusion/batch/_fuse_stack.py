"""The fusion of one stack of a batch into files."""

import hashlib
import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_umis_fusion.batch._entry import BatchEntry
from napari_umis_fusion.batch._events import StackWorking
from napari_umis_fusion.batch._grouping import BatchStack
from napari_umis_fusion.batch._options import IN_UM, MAPS, BatchOptions
from napari_umis_fusion.batch._record import BatchRecord
from napari_umis_fusion.batch._thumbnail import thumbnail
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError, StackFileError
from napari_umis_fusion.files.ome_zarr import full_resolution, stored_values
from napari_umis_fusion.files.write import check_output_path
from napari_umis_fusion.fusion import FusionResult, iter_fuse, write_output
from napari_umis_fusion.runtime import Progress, file_stamp, map_progress
from napari_umis_fusion.stack import Stack

_NO_STEP = "no depth map: the distance between planes is unknown; give the z step"


def identity_of(stack: BatchStack, known: dict[Path, str] | None = None) -> str:
    """Return a hash of the files of a stack, by name, size and time of the last change.

    Of an image of OME-Zarr, the files of its array of full resolution count.

    Parameters
    ----------
    stack : BatchStack
        The stack.
    known : dict, optional
        What is known of files already, and gets to be: several stacks may be in one file.

    Raises
    ------
    OSError
        If a file is gone.
    """
    told = [repr(dict(stack.index))]
    stamps = {} if known is None else known
    for path in stack.files:
        if path not in stamps:
            stamps[path] = _stamp(path)
        told.append(f"{path.absolute()}|{stamps[path]}")
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()


def _stamp(path: Path) -> str:
    array = full_resolution(path) if path.is_dir() else None
    return str(file_stamp(path)) if array is None else stored_values(str(array))


class StackWork:
    """The fusion of one stack into files.

    Parameters
    ----------
    number : int
        Place of the stack in the batch.
    stack : BatchStack
        The stack.
    output : Path
        The folder of results.
    config : FusionConfig
        How to fuse.
    options : BatchOptions
        What to write.
    """

    def __init__(
        self,
        number: int,
        stack: BatchStack,
        output: Path,
        config: FusionConfig,
        options: BatchOptions,
    ) -> None:
        self._number, self._stack, self._output = number, stack, output
        self._config, self._options = config, options

    def iter_fuse(self, record: BatchRecord) -> Generator[StackWorking, None, BatchEntry]:
        """Fuse the stack, write what is wanted, and record it.

        Raises
        ------
        UmisFusionError
            If that is not possible.
        """
        begun = time.monotonic()
        # Before the planes are read: files that change meanwhile are to be fused again.
        identity = identity_of(self._stack)
        stack = self._open()
        paths = self._paths(stack)
        self._check(paths, stack, record)
        record.begin(self._stack.name, identity, paths)
        result = yield from self._iter_result(stack)
        for kind, path in paths.items():
            write_output(path, kind, result, stack, name=Path(self._stack.name).name)
        entry = BatchEntry(
            self._stack.name,
            "done",
            tuple(stack.shape),
            round(time.monotonic() - begun, 3),
            float(result.never_in_focus().mean()),
            paths,
            self._notes(stack, result),
            thumbnail=thumbnail(result.all_in_focus, rgb=result.rgb),
        )
        record.end(entry, identity)
        return entry

    def _open(self) -> Stack:
        stack = self._stack.open()
        if len(stack) == 1:
            raise StackError("one plane only; accepted are stacks of two planes or more.")
        step = self._options.z_step_um
        if step is not None:
            stack.calibration = replace(stack.calibration, z_step_um=step, z_positions_um=None)
        return stack

    def _paths(self, stack: Stack) -> dict[str, Path]:
        """Return where each result goes; folders mirror those of the input."""
        at = self._output / self._stack.name
        at.parent.mkdir(parents=True, exist_ok=True)
        wanted = [name for name in MAPS if getattr(self._options, name)]
        if stack.calibration.z_step_um is None:
            wanted = [name for name in wanted if name not in IN_UM]
        image = {"all_in_focus": at.with_name(f"{at.name}{self._options.file_format}")}
        return image | {name: at.with_name(f"{at.name}{MAPS[name]}.ome.tif") for name in wanted}

    def _check(self, paths: Mapping[str, Path], stack: Stack, record: BatchRecord) -> None:
        """Refuse to overwrite what is no result of this batch, before any work."""
        for kind, path in paths.items():
            if path.exists() and not record.may_replace(self._stack.name, path):
                raise StackFileError(
                    f"{path}: exists, and is no result of this batch as it left it, so it is not "
                    "overwritten. Move it elsewhere, or choose another folder for results."
                )
            is_image = kind == "all_in_focus"
            dtype = stack.dtype if is_image else np.float32 if kind in IN_UM else np.uint16
            check_output_path(
                path,
                protect=stack.sources,
                dtype=dtype,
                channels=stack.channel_count if is_image else None,
                rgb=stack.rgb and is_image,
            )

    def _iter_result(self, stack: Stack) -> Generator[StackWorking, None, FusionResult]:
        def working(event: Progress) -> StackWorking:
            return StackWorking(self._number, event.stage, event.done, event.total)

        return (yield from map_progress(iter_fuse(stack, self._config), working))

    def _notes(self, stack: Stack, result: FusionResult) -> tuple[str, ...]:
        wants_um = any(getattr(self._options, name) for name in IN_UM)
        lacking = wants_um and stack.calibration.z_step_um is None
        told = (*self._stack.notes, *result.notes, *([_NO_STEP] if lacking else []))
        return tuple(dict.fromkeys(told))
