"""A folder that is watched: stacks in it are fused as soon as they are complete."""

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, StackError, UmisFusionError
from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.files.write import check_output_path, naming_write_errors
from napari_umis_fusion.fusion import FusionResult, iter_fuse, write_output
from napari_umis_fusion.live._watch_events import (
    StackFailed,
    StackFused,
    StackProgress,
    WatchEvent,
    WatchSummary,
    WatchWaiting,
)
from napari_umis_fusion.live._watch_record import WatchRecord
from napari_umis_fusion.live._watch_rule import FoundStack, PendingStack, WatchRule
from napari_umis_fusion.live._watched_files import WatchedFiles
from napari_umis_fusion.runtime import (
    HEARTBEAT_S,
    Progress,
    config_of,
    file_stamp,
    map_progress,
    reason_of,
    user_path,
)
from napari_umis_fusion.stack import Stack


def iter_watch(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    config: FusionConfig | None = None,
    *,
    planes: int | None = None,
    marker: str | None = None,
    pause_s: float = 10.0,
    settle_s: float = 1.0,
    poll_s: float = 0.5,
    until_idle_s: float | None = None,
    depth_map: bool = False,
    **options: Any,
) -> Generator[WatchEvent, None, WatchSummary]:
    """Watch a folder, and fuse its stacks as soon as they are complete.

    Planes are image files in natural order. Those of a folder are one stack, and those of each
    subfolder another; a file with several planes is a stack of its own. Files are left alone until
    they have settled and can be read to their end. A record in the folder of results says what was
    fused, so that a new watch resumes; no file is overwritten.

    Parameters
    ----------
    folder : path
        The folder to watch; it may be empty.
    output : path
        The folder for results, which is made if it does not exist.
    config : FusionConfig, optional
        How to fuse.
    planes : int, optional
        Number of planes after which a stack is complete.
    marker : str, optional
        Name or pattern, such as ``"*.done"``, of a file in the folder of the planes that appears
        when a stack is complete.
    pause_s : float
        Without `planes` and `marker`, the pause after which a stack is complete, in seconds.
    settle_s : float
        Time without a change after which a file is taken to be complete, in seconds.
    poll_s : float
        Time between two looks at the folder, in seconds.
    until_idle_s : float, optional
        End once nothing has changed for so long, in seconds; by default never.
    depth_map : bool
        Whether the depth map is written, too, where the z step is known.
    **options
        Fields of `FusionConfig` that replace those of `config`.

    Yields
    ------
    WatchWaiting, StackProgress, StackFused, StackFailed
        At least every 100 ms, but for the time to read a file. The generator can be closed at any
        time; no partial file is left.

    Returns
    -------
    WatchSummary

    Raises
    ------
    ConfigError
        If an option is not accepted.
    StackFileError
        If the folder of results cannot be used.
    """
    config = config_of(FusionConfig, config, options)
    source, target = user_path(folder).absolute(), user_path(output).absolute()
    _check_folders(source, target)
    seconds = {"pause_s": pause_s, "settle_s": settle_s, "poll_s": poll_s}
    if until_idle_s is not None:
        seconds["until_idle_s"] = until_idle_s
    _check_numbers(planes, marker, **seconds)
    with naming_write_errors(target):
        target.mkdir(parents=True, exist_ok=True)
    record = WatchRecord(target, source)
    rule = WatchRule(WatchedFiles(source, target, settle_s), record, planes, pause_s, marker)
    fused: list[str] = []
    failed: list[str] = []
    pending: list[PendingStack] = []
    changed_s, seen = time.monotonic(), -1
    while True:
        found, pending = rule.look()
        for stack in found:
            work = _StackWork(stack, source, target, record, depth_map=depth_map)
            try:
                yield from work.iter_fuse(config)
                fused.append(work.name)
            except (UmisFusionError, OSError) as error:
                rule.give_up(stack)
                failed.append(work.name)
                yield StackFailed(work.name, f"{work.name} is not fused: {_why(error)}")
        count = sum(one.files for one in pending)
        if found or count != seen:
            changed_s, seen = time.monotonic(), count
        idle_s = time.monotonic() - changed_s
        if until_idle_s is not None and idle_s >= until_idle_s and not found:
            return WatchSummary(tuple(fused), tuple(failed), tuple(pending))
        yield from _iter_wait(WatchWaiting(tuple(pending)), poll_s)


def _iter_wait(waiting: WatchWaiting, poll_s: float) -> Generator[WatchEvent]:
    """Say what is waited for until it is time to look again."""
    until = time.monotonic() + poll_s
    yield waiting
    while time.monotonic() < until:
        time.sleep(min(HEARTBEAT_S, poll_s))
        yield waiting


class _StackWork:
    """The fusion of one stack into files."""

    def __init__(
        self, found: FoundStack, source: Path, target: Path, record: WatchRecord, *, depth_map: bool
    ) -> None:
        self._found, self._target, self._record = found, target, record
        self._wants_depth = depth_map
        inner = found.folder.relative_to(source)
        one = found.files[0].name.partition(".")[0] if len(found.files) == 1 else ""
        self.name = "_".join([*inner.parts, *([one] if one else [])]) or source.name

    def iter_fuse(self, config: FusionConfig) -> Generator[WatchEvent]:
        """Fuse the stack, write what it gives, and record it."""
        # Read before the fusion: a file that changes meanwhile is to be fused again.
        marker = () if self._found.marker is None else (self._found.marker,)
        stamps = {path: file_stamp(path) for path in (*self._found.files, *marker)}
        stack = self._open()
        if len(stack) == 1:
            raise StackError(
                f"only one plane arrived ({self._found.files[0].name}); accepted are two or more. "
                "Wait longer (--pause), or say how many planes a stack has (--planes)."
            )
        result = yield from self._iter_result(stack, config)
        outputs = self._write(result, stack)
        self._record.add(self.name, stamps, outputs)
        yield StackFused(self.name, len(stack), outputs, result.notes)

    def _open(self) -> Stack:
        # The names of a whole folder tell of channels and time points, too.
        found = self._found
        is_folder = found.is_whole and len(found.files) > 1
        return open_stack(found.folder if is_folder else list(found.files))

    def _iter_result(
        self, stack: Stack, config: FusionConfig
    ) -> Generator[WatchEvent, None, FusionResult]:
        def working(event: Progress) -> StackProgress:
            return StackProgress(self.name, event.done, event.total)

        return (yield from map_progress(iter_fuse(stack, config), working))

    def _write(self, result: FusionResult, stack: Stack) -> dict[str, Path]:
        images = {"all_in_focus": result.all_in_focus}
        if self._wants_depth and result.calibration.z_step_um is not None:
            images["depth_map"] = result.depth_map()
        paths = self._free_paths(list(images))
        for kind, image in images.items():
            check_output_path(paths[kind], protect=stack.sources, dtype=image.dtype)
            write_output(paths[kind], kind, result, stack, name=self.name)
        return paths

    def _free_paths(self, kinds: list[str]) -> dict[str, Path]:
        """Return paths that do not exist, with the first number for which none does."""
        number = 1
        while True:
            numbered = self.name if number == 1 else f"{self.name}_{number:04d}"
            paths = {
                kind: self._target
                / (f"{numbered}{'' if kind == 'all_in_focus' else '_depth'}.ome.tif")
                for kind in kinds
            }
            if not any(path.exists() for path in paths.values()):
                return paths
            number += 1


def _why(error: Exception) -> str:
    return reason_of(error) if isinstance(error, OSError) and error.errno else str(error)


def _check_folders(source: Path, target: Path) -> None:
    if not source.is_dir():
        advice = "Give the folder it is in" if source.exists() else "Check the path, or create it"
        raise ConfigError(f"{source}: is no folder; accepted is a folder that exists. {advice}.")
    if target == source:
        raise ConfigError(
            f"{target}: is the watched folder, in which results would be taken for planes; choose "
            "another folder for them, which may be in it."
        )
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target}: is a file; accepted is a folder for results.")


def _check_numbers(planes: int | None, marker: str | None, **seconds: float) -> None:
    if planes is not None and planes < 2:
        raise ConfigError(f"planes={planes}; accepted is 2 or more.")
    if planes is not None and marker is not None:
        raise ConfigError(
            f"planes={planes} and marker={marker!r} both say when a stack is complete; leave one "
            "of them out."
        )
    for name, value in seconds.items():
        least = 0.01 if name == "poll_s" else 0.0
        if not least <= value < 1e6:
            raise ConfigError(f"{name}={value}; accepted is {least:g} s or more.")
