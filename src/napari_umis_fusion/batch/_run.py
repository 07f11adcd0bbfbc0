"""A batch: all stacks of folders, fused one after the other."""

import os
import time
import warnings
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_umis_fusion.batch._entry import BatchEntry, BatchSummary
from napari_umis_fusion.batch._events import (
    BatchEvent,
    BatchStarted,
    StackBegun,
    StackEnded,
)
from napari_umis_fusion.batch._find import existing_inputs, given_inputs, iter_find_stacks
from napari_umis_fusion.batch._fuse_stack import StackWork, identity_of
from napari_umis_fusion.batch._grouping import BatchStack, Grouping
from napari_umis_fusion.batch._options import BatchOptions
from napari_umis_fusion.batch._record import RECORD, BatchRecord
from napari_umis_fusion.batch._table import TABLE, write_table
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import BusyError, ConfigError, StackFileError
from napari_umis_fusion.runtime import (
    config_of,
    failure_reason,
    first_same,
    locked,
    reason_of,
    user_path,
)

LOCK = ".umis-fusion-batch.lock"
TABLE_EVERY_S = 5.0
"""The table is written again after so many seconds, and at the end."""

PathLike = str | os.PathLike[str]


def iter_batch(
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    config: FusionConfig | None = None,
    options: BatchOptions | None = None,
    *,
    resume: bool = False,
    retry: bool = False,
    **changes: Any,
) -> Generator[BatchEvent, None, BatchSummary]:
    """Fuse all stacks in folders, one after the other.

    The tree of results mirrors that of the input. A stack that cannot be fused is reported, and
    the next one follows. A record in the folder of results says what is done, so that the batch
    can be closed at any time, also by killing its process, and resumed.

    Parameters
    ----------
    inputs, options
        As for `find_stacks`.
    output : path
        The folder for results, which is made if it does not exist. Neither inputs nor files of
        others in it are overwritten.
    config : FusionConfig, optional
        How to fuse.
    resume : bool
        Whether a batch that is there is resumed: what it fused is skipped, if neither files nor
        results have changed; what failed stays failed.
    retry : bool
        Resume, and try again what failed.
    **changes
        Fields of `FusionConfig` that replace those of `config`.

    Yields
    ------
    Searching, BatchStarted, StackBegun, StackWorking, StackEnded
        At least every 100 ms, but for the time to read or write a file.

    Returns
    -------
    BatchSummary

    Raises
    ------
    ConfigError
        If an option is not accepted, an input does not exist, or a batch is in the folder and
        `resume` is not set, or it was made with other options.
    BusyError
        If another process works on the same batch.
    StackFileError
        If the folder of results cannot be used.
    """
    config = config_of(FusionConfig, config, changes)
    options = config_of(BatchOptions, options)
    if options.depth_error_map or config.depth_error:
        options, config = options.replace(depth_error_map=True), config.replace(depth_error=True)
    given = given_inputs(inputs)
    target = _output_folder(given, output, is_resumed=resume or retry)
    existing = existing_inputs(given)  # or a folder would be left for results that never come
    _make_folder(target)
    grouping = yield from iter_find_stacks(existing, options, output=target)
    with _batch_lock(target):
        record = BatchRecord(target, config, options)
        run = _Run(grouping, target, config, options, record)
        return (yield from run.iter_stacks(retry=retry))


class _Run:
    """The stacks of a batch, and what is known of each."""

    def __init__(
        self,
        grouping: Grouping,
        target: Path,
        config: FusionConfig,
        options: BatchOptions,
        record: BatchRecord,
    ) -> None:
        self._grouping, self._target, self._record = grouping, target, record
        self._config, self._options = config, options
        self._entries = [BatchEntry(stack.name) for stack in grouping.stacks]
        self._table_s = time.monotonic()

    def iter_stacks(self, *, retry: bool) -> Generator[BatchEvent, None, BatchSummary]:
        """Fuse what is not fused yet."""
        stacks = self._grouping.stacks
        stamps: dict[Path, str] = {}
        self._entries = [self._known(stack, stamps, retry=retry) for stack in stacks]
        yield BatchStarted(self._grouping, tuple(self._entries))
        try:
            for number, stack in enumerate(stacks):
                if self._entries[number].status == "waiting":
                    yield StackBegun(number)
                    self._entries[number] = yield from self._iter_one(number, stack)
                    self._write_table_in_time()
                    yield StackEnded(number, self._entries[number])
        finally:
            self._write_table(is_last=True)
        return BatchSummary(tuple(self._entries), self._target / TABLE)

    def _known(self, stack: BatchStack, stamps: dict[Path, str], *, retry: bool) -> BatchEntry:
        """Return what the record knows of a stack."""
        waiting = BatchEntry(stack.name)
        try:
            known = self._record.entry(stack.name, identity_of(stack, stamps))
        except OSError:  # its turn will say what is wrong
            return waiting
        if known is None or (retry and known.status == "failed"):
            return waiting
        return known

    def _iter_one(self, number: int, stack: BatchStack) -> Generator[BatchEvent, None, BatchEntry]:
        begun = time.monotonic()
        work = StackWork(number, stack, self._target, self._config, self._options)
        try:
            return (yield from work.iter_fuse(self._record))
        except Exception as error:  # whatever one stack does, the others are to be fused
            entry = BatchEntry(stack.name, "failed", reason=failure_reason(error))
        entry = replace(entry, seconds=round(time.monotonic() - begun, 3))
        self._record_failure(stack, entry)
        return entry

    def _record_failure(self, stack: BatchStack, entry: BatchEntry) -> None:
        try:
            identity = identity_of(stack)
        except OSError:  # a file of the stack is out of reach: it will be tried again
            return
        self._record.end(entry, identity)

    def _write_table_in_time(self) -> None:
        if time.monotonic() - self._table_s > TABLE_EVERY_S:
            self._write_table()

    def _write_table(self, *, is_last: bool = False) -> None:
        self._table_s = time.monotonic()
        try:
            write_table(self._target / TABLE, self._entries, self._grouping.left_out, self._target)
        except StackFileError as error:
            # Open in a spreadsheet, which locks it on Windows: the record has all of it.
            if is_last:
                warnings.warn(f"{error} Resume the batch to write its table.", stacklevel=2)


def _output_folder(given: Sequence[PathLike], output: PathLike, *, is_resumed: bool) -> Path:
    """Return the folder of results; refuse an input, and one that holds another batch."""
    target = user_path(output).absolute()
    if target.exists() and first_same(target, map(user_path, given)) is not None:
        raise ConfigError(
            f"{target}: is an input, in which results would be taken for planes; choose another "
            "folder for them, which may be in it."
        )
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target}: is a file; accepted is a folder for results.")
    if (target / RECORD).exists() and not is_resumed:
        raise ConfigError(
            f"{target}: holds a batch already. Resume it (--resume), or choose another folder for "
            "results."
        )
    if (target / TABLE).exists() and not (target / RECORD).exists():
        raise ConfigError(
            f"{target / TABLE}: exists, but no record of its batch; choose another folder for "
            "results, or move the table elsewhere."
        )
    return target


def _make_folder(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackFileError(_unusable(target, "made", error)) from error


@contextmanager
def _batch_lock(target: Path) -> Generator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(target / LOCK, 0))
        except TimeoutError as error:
            raise BusyError(
                f"{target}: another process works on this batch. Wait until it ends, or end it."
            ) from error
        except OSError as error:
            raise StackFileError(_unusable(target, "written to", error)) from error
        yield


def _unusable(target: Path, how: str, error: OSError) -> str:
    return f"{target}: cannot be {how} ({reason_of(error)}); choose another folder for results."
