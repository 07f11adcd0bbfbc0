"""``umis-fusion watch``: fuse stacks in a folder as soon as they are complete."""

import argparse
from typing import Any

from napari_umis_fusion.cli._options import add_fusion_options, config_from
from napari_umis_fusion.cli._report import (
    print_error,
    print_json,
    print_written,
    progress_bar,
    run_shown,
    show_done,
)
from napari_umis_fusion.live import (
    StackFailed,
    StackFused,
    StackProgress,
    WatchEvent,
    WatchWaiting,
    iter_watch,
)
from napari_umis_fusion.runtime import count_noun


def add_watch_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "watch",
        help="Watch a folder, and fuse its stacks as soon as they are complete.",
        description="Watch a folder in which planes appear, and fuse each stack as soon as it is "
        "complete. The image files of a folder are one stack, those of each subfolder another; a "
        "file with several planes is a stack of its own. End it with Ctrl-C; started again, it "
        "resumes.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", metavar="FOLDER", help="Folder to watch.")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="Folder for the results."
    )
    _add_completeness(parser)
    parser.add_argument(
        "--until-idle",
        type=float,
        metavar="S",
        help="End once nothing was added for so many seconds; by default never.",
    )
    parser.add_argument(
        "--depth-map", action="store_true", help="Also write depth maps, where the z step is known."
    )
    add_fusion_options(parser)
    parser.set_defaults(run=run_watch)


def _add_completeness(parser: argparse.ArgumentParser) -> None:
    """Add the options that say when stacks and files are complete."""
    complete = parser.add_mutually_exclusive_group()
    complete.add_argument(
        "--planes", type=int, metavar="N", help="A stack is complete with so many planes."
    )
    complete.add_argument(
        "--marker",
        metavar="NAME",
        help="A stack is complete once a file of this name, or pattern, appears beside it.",
    )
    complete.add_argument(
        "--pause",
        type=float,
        default=10.0,
        metavar="S",
        help="A stack is complete once nothing was added for so many seconds (default: "
        "%(default)s).",
    )
    parser.add_argument(
        "--settle",
        type=float,
        default=1.0,
        metavar="S",
        help="A file is complete once it has not changed for so many seconds (default: "
        "%(default)s).",
    )


def run_watch(arguments: argparse.Namespace) -> None:
    """Watch as the arguments say, until it is interrupted."""
    steps = iter_watch(
        arguments.folder,
        arguments.output,
        config_from(arguments),
        planes=arguments.planes,
        marker=arguments.marker,
        pause_s=arguments.pause,
        settle_s=arguments.settle,
        until_idle_s=arguments.until_idle,
        depth_map=arguments.depth_map,
    )
    report = _Report(quiet=arguments.json)
    summary = run_shown(steps, report.bar, report.show)
    if not (summary.fused or summary.failed or summary.pending):
        print_error("warning", f"{arguments.folder}: nothing new came while it was watched")
    for pending in summary.pending:
        problem = f": {pending.problem}" if pending.problem else ""
        files = count_noun(pending.files, "file")
        print_error("warning", f"{pending.folder}: {files}, no complete stack yet{problem}")


class _Report:
    """What is shown of a watch."""

    def __init__(self, *, quiet: bool) -> None:
        self.bar = progress_bar("waiting", "plane", quiet=quiet)
        self._quiet = quiet
        self._problems: set[str] = set()

    def show(self, event: WatchEvent) -> None:
        """Show an event."""
        if isinstance(event, WatchWaiting):
            self._show_waiting(event)
        elif isinstance(event, StackProgress):
            show_done(self.bar, event.done, event.total, event.name)
        elif isinstance(event, StackFused):
            self.bar.reset()
            self._print_fused(event)
        elif isinstance(event, StackFailed):
            self.bar.reset()
            print_error("error", event.message)

    def _print_fused(self, event: StackFused) -> None:
        if self._quiet:
            outputs = {kind: str(path) for kind, path in event.outputs.items()}
            told = {"stack": event.name, "planes": event.planes, "outputs": outputs}
            print_json({**told, "notes": list(event.notes)})
        else:
            print_written(event.outputs, event.notes, event.name)

    def _show_waiting(self, event: WatchWaiting) -> None:
        planes = count_noun(sum(one.files for one in event.pending), "plane")
        self.bar.set_description(f"waiting, {planes} so far", refresh=True)
        for pending in event.pending:
            if pending.problem and pending.problem not in self._problems:
                self._problems.add(pending.problem)
                print_error("warning", f"waiting for a file: {pending.problem}")
