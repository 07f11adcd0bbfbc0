"""``umis-fusion batch``: fuse all stacks in folders."""

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from napari_umis_fusion.batch import (
    BatchEntry,
    BatchEvent,
    BatchOptions,
    BatchStarted,
    BatchSummary,
    Grouping,
    Searching,
    StackBegun,
    StackWorking,
    find_stacks,
    iter_batch,
)
from napari_umis_fusion.cli._options import (
    add_config_options,
    add_fusion_options,
    config_from,
    given_options,
)
from napari_umis_fusion.cli._report import (
    print_error,
    print_json,
    print_line,
    print_written,
    progress_bar,
    run_shown,
    show_done,
)
from napari_umis_fusion.errors import StackError


def add_batch_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "batch",
        help="Fuse all stacks in folders.",
        description="Fuse all stacks in folders with their subfolders. The tree of results mirrors "
        "that of the input; a table (umis-fusion-batch.csv) lists all stacks. What cannot be fused "
        "is reported, and the next stack follows. Ctrl-C ends the batch after the current stack, a "
        "second one at once; --resume resumes it.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "input", nargs="+", metavar="IN", help="Folder, stack file, or pattern such as '*/z*.tif'."
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="Folder for the results."
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="Only show which stacks are found, and what is left out.",
    )
    parser.add_argument(
        "--resume", action="store_true", help="Resume the batch in OUT: skip what is fused."
    )
    parser.add_argument(
        "--retry", action="store_true", help="Resume the batch in OUT, and retry what failed."
    )
    add_config_options(parser, BatchOptions, "what is a stack, and what is written")
    add_fusion_options(parser)
    parser.set_defaults(run=run_batch)


def run_batch(arguments: argparse.Namespace) -> None:
    """Fuse as the arguments say."""
    config, options = config_from(arguments), _options_from(arguments)
    if arguments.dry_run:
        found = find_stacks(arguments.input, options, output=arguments.output)
        _print_grouping(found, as_json=arguments.json)
        return
    steps = iter_batch(
        arguments.input,
        arguments.output,
        config,
        options,
        resume=arguments.resume,
        retry=arguments.retry,
    )
    report = _Report(as_json=arguments.json)
    with _stop_when_interrupted(report):
        summary = run_shown(steps, report.bar, report.show)
    _finish(summary, as_json=arguments.json)


def _options_from(arguments: argparse.Namespace) -> BatchOptions:
    return BatchOptions(**given_options(arguments, BatchOptions))


def _print_grouping(grouping: Grouping, *, as_json: bool) -> None:
    if as_json:
        stacks = [
            {
                "stack": one.name,
                "files": [str(path) for path in one.files],
                "index": one.index,
                "notes": [*one.notes],
            }
            for one in grouping.stacks
        ]
        left_out = [{"path": str(one.path), "reason": one.reason} for one in grouping.left_out]
        print_json({"stacks": stacks, "left_out": left_out})
        return
    for one in grouping.stacks:
        first, last = one.files[0].name, one.files[-1].name
        span = first if len(one.files) == 1 else f"{len(one.files)} files, {first} to {last}"
        index = "".join(f", {axis}={entry}" for axis, entry in one.index.items())
        print_line(f"{one.name}: {span}{index}")
        for note in one.notes:
            print_line(f"{one.name}: note: {note}")
    for gone in grouping.left_out:
        print_line(f"left out: {gone.path}: {gone.reason}")


def _finish(summary: BatchSummary, *, as_json: bool) -> None:
    """Say what was done; raises `StackError` if stacks failed or none is there, for scripts."""
    counts = {name: summary.count(name) for name in ("done", "skipped", "failed", "waiting")}
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    if as_json:
        print_json({"table": str(summary.table), **counts})
    else:
        print_line(f"{told or 'no stack was found'}; table: {summary.table}")
    if not summary.entries:
        raise StackError(
            f"no stack was found; {summary.table} says why files were left out. Add --dry-run to "
            "look again, with another --group-by or --pattern."
        )
    if counts["failed"]:
        raise StackError(
            f"{counts['failed']} of {len(summary.entries)} stacks failed; {summary.table} says "
            "why. Repeat the command with --retry to try them again."
        )


@contextmanager
def _stop_when_interrupted(report: "_Report") -> Iterator[None]:
    """End the batch after the current stack at the first Ctrl-C, at once at the second."""

    def on_signal(*_: Any) -> None:
        if report.is_stopping or not report.is_fusing:
            raise KeyboardInterrupt("finished stacks are kept; --resume resumes the batch")
        report.is_stopping = True
        print_error("stopping", "after the current stack; Ctrl-C again stops at once")

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Report:
    """What is shown of a batch."""

    def __init__(self, *, as_json: bool) -> None:
        self.bar = progress_bar("searching", "plane", quiet=as_json)
        self.is_stopping = self.is_fusing = False
        self._as_json = as_json
        self._names: tuple[str, ...] = ()

    def show(self, event: BatchEvent) -> None:
        """Show an event; raises `KeyboardInterrupt` after the last stack before a stop."""
        if isinstance(event, Searching):
            self.bar.set_description(f"searching: {event.stacks} stacks", refresh=False)
            self.bar.update(0)
        elif isinstance(event, BatchStarted):
            self._show_start(event)
        elif isinstance(event, StackBegun):
            self.is_fusing = True
            self.bar.reset()
            self.bar.set_description(self._names[event.number], refresh=False)
        elif isinstance(event, StackWorking):
            show_done(self.bar, event.done, event.total)
        else:
            self.is_fusing = False
            self._print_entry(event.entry)
            if self.is_stopping:
                raise KeyboardInterrupt("stopped; --resume resumes the batch")

    def _show_start(self, event: BatchStarted) -> None:
        self._names = tuple(entry.name for entry in event.entries)
        for one in event.grouping.left_out:
            print_error("left out", f"{one.path}: {one.reason}")
        for entry in event.entries:
            if entry.status == "failed":
                print_error("error", f"{entry.name} failed before: {entry.reason}")

    def _print_entry(self, entry: BatchEntry) -> None:
        if self._as_json:
            print_json(_values(entry))
        elif entry.status == "failed":
            print_error("error", f"{entry.name} is not fused: {entry.reason}")
        else:
            print_written(entry.outputs, entry.notes, entry.name)


def _values(entry: BatchEntry) -> dict[str, Any]:
    names = [spec.name for spec in fields(entry) if spec.name not in ("name", "thumbnail")]
    return {"stack": entry.name, **{name: getattr(entry, name) for name in names}}
