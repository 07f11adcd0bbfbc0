"""``umis-fusion compare``: fuse a stack in several ways, and print how they compare."""

import argparse
from pathlib import Path
from typing import Any, get_args

from napari_umis_fusion.cli._options import add_config_options, given_fusion_options
from napari_umis_fusion.cli._report import (
    print_error,
    print_json,
    print_line,
    progress_bar,
    run_shown,
    show_done,
)
from napari_umis_fusion.cli._stack_input import add_axis_options, add_stack_input, stack_from
from napari_umis_fusion.compare import (
    COLUMNS,
    Candidate,
    CandidateEnded,
    CandidateProgress,
    Comparison,
    ComparisonEvent,
    Region,
    candidates_of,
    grid_of,
    iter_compare,
)
from napari_umis_fusion.config import Blend, FocusMeasureName, FusionConfig
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files.write import check_csv_path, naming_write_errors
from napari_umis_fusion.fusion import FusionResult, write_output
from napari_umis_fusion.models.library import file_stem, unique_name
from napari_umis_fusion.presets import PRESETS
from napari_umis_fusion.runtime import user_path
from napari_umis_fusion.stack import Stack

TABLE = "comparison.csv"
"""Name of the table in the folder of images."""

WRITTEN = ("all_in_focus", "index_map")

BAR_STEPS = 1000

CLASHES = {"measures": "focus_measure", "blends": "blend", "checkpoints": "checkpoint"}
"""Lists of values, and the option that would make all of them equal."""


def add_compare_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "compare",
        help="Fuse a stack in several ways, and compare the results.",
        description="Fuse a stack, or a region of it, in several ways, one after the other, and "
        "print a table: time, memory, false edges, shown focus, agreement. Without a choice, the "
        "default options and all presets of this package are compared. A way that fails is a row "
        "with its reason; Ctrl-C ends the comparison and keeps what is finished.",
        allow_abbrev=False,
    )
    add_stack_input(parser)
    add = parser.add_argument
    add("--presets", nargs="+", default=[], metavar="NAME", help="Presets, or 'default'.")
    add("--configs", nargs="+", default=[], metavar="FILE", help="Preset files (.json).")
    measures, blends = get_args(FocusMeasureName), get_args(Blend)
    add("--measures", nargs="+", default=[], choices=measures, help="Focus measures.")
    add(
        "--blends",
        nargs="+",
        default=[],
        choices=blends,
        help="Blends, each with each of the measures and weights.",
    )
    add("--checkpoints", nargs="+", default=[], metavar="P", help="Weights: files or models.")
    add("--region", metavar="Y0:Y1,X0:X1", help="Rows and columns to fuse, such as 0:512,256:768.")
    add("--sort", choices=("name", *COLUMNS), help="Sort the table; the better end comes first.")
    add("--csv", metavar="F", help="Also write the table as CSV.")
    add(
        "--out",
        metavar="FOLDER",
        help="Also write the image and the index map of each way, and the table.",
    )
    add_axis_options(parser)
    add_config_options(parser, FusionConfig, "fusion options, of all ways that are compared")
    parser.set_defaults(run=run_compare)


def run_compare(arguments: argparse.Namespace) -> None:
    """Compare as the arguments say; all that can be checked is, before any work."""
    candidates, region = _candidates(arguments), _region(arguments.region)
    stack = stack_from(arguments)
    tables = _tables(arguments, stack)
    steps = iter_compare(stack, candidates, region=region, keep_results=False)
    report = _Report(arguments, stack, tables)
    try:
        run_shown(steps, report.bar, report.show)
    finally:
        # interrupted, too: what is finished is kept
        report.finish()
    report.check()


def _candidates(arguments: argparse.Namespace) -> list[Candidate]:
    given = given_fusion_options(arguments)
    for name, option in CLASHES.items():
        if getattr(arguments, name) and option in given:
            shown = option.replace("_", "-")
            raise ConfigError(
                f"--{shown} with --{name} would make all of them equal; leave one of the two out."
            )
    lists = arguments.measures, arguments.blends, arguments.checkpoints
    ways: list[Any] = [*arguments.presets, *map(user_path, arguments.configs)]
    made = grid_of(*lists, **given)
    if not ways and not made:
        ways = ["default", *PRESETS]
    presets = [
        Candidate(one.name, one.config.replace(**given))
        for one in (candidates_of(ways) if ways else ())
    ]
    return list(candidates_of([*presets, *made]))


def _region(text: str | None) -> Region | None:
    if text is None:
        return None
    try:
        rows, columns = (
            tuple(int(edge) for edge in side.split(":", 1)) for side in text.split(",", 1)
        )
        (top, bottom), (left, right) = rows, columns
    except ValueError:
        raise ConfigError(
            f"--region {text}; accepted are rows and columns such as 0:512,256:768: the first, and "
            "the one after the last."
        ) from None
    return (top, bottom), (left, right)


def _tables(arguments: argparse.Namespace, stack: Stack) -> list[Path]:
    """Return the tables to write; make the folder of images."""
    tables = [] if arguments.csv is None else [check_csv_path(arguments.csv, protect=stack.sources)]
    if arguments.out is not None:
        folder = user_path(arguments.out)
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"--out {folder}: is a file; accepted is a folder.")
        with naming_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        tables.append(check_csv_path(folder / TABLE, protect=stack.sources))
    return tables


class _Report:
    """What is shown and written of a comparison, whether it ends or is interrupted."""

    def __init__(self, arguments: argparse.Namespace, stack: Stack, tables: list[Path]) -> None:
        self._arguments, self._stack, self._tables = arguments, stack, tables
        self._comparison: Comparison | None = None
        self._names: list[str] = []
        self._files: list[str] = []
        self._stems: list[str] = []
        self.bar = progress_bar("comparing", "", quiet=arguments.json)

    def show(self, event: ComparisonEvent) -> None:
        """Show an event; write the images of a way that ended."""
        if isinstance(event, CandidateProgress):
            done = max(self.bar.n, int(BAR_STEPS * event.share))
            what = f"{self._names[event.number]}: {event.stage}"
            show_done(self.bar, done, BAR_STEPS, what)
        elif isinstance(event, CandidateEnded):
            self._comparison = event.comparison
            if event.result is not None:
                self._write(self._names[event.number], event.result)
        else:
            self._names = [one.name for one in event.candidates]

    def finish(self) -> None:
        """Write and print what is finished."""
        found = self._comparison
        if found is None:
            return
        if self._arguments.sort is not None:
            found = found.sorted_by(self._arguments.sort)
        self._files += [str(found.write_csv(path)) for path in self._tables]
        if self._arguments.json:
            print_json({**found.as_dict(), "files": self._files})
        else:
            self._print(found)

    def check(self) -> None:
        """Raise `StackError` if every way failed, for scripts."""
        if self._comparison is None or not any(row.is_fused for row in self._comparison.rows):
            raise StackError("every way failed; the reasons are told above, or in the table.")

    def _write(self, name: str, result: FusionResult) -> None:
        if self._arguments.out is None:
            return
        folder = user_path(self._arguments.out)
        stem = unique_name(file_stem(name), self._stems)
        self._stems.append(stem)
        for kind in WRITTEN:
            path = folder / f"{stem.replace(' ', '-')}-{kind.replace('_', '-')}.ome.tif"
            written = write_output(path, kind, result, self._stack, name=name)
            self._files.append(str(written))

    def _print(self, found: Comparison) -> None:
        titles = [_title(name) for name in COLUMNS]
        width = max(len("config"), *(len(row.name) for row in found.rows))
        print_line("  ".join(["config".ljust(width), *titles]))
        for row in found.rows:
            if not row.is_fused:
                print_error("error", f"{row.name} failed: {row.reason}")
                continue
            numbers = row.numbers()
            cells = [COLUMNS[name].text(numbers[name]) or "-" for name in COLUMNS]
            shown = [cell.rjust(len(title)) for cell, title in zip(cells, titles, strict=True)]
            print_line("  ".join([row.name.ljust(width), *shown]))
        print_line(f"{COLUMNS['edge_preservation'].title}: {COLUMNS['edge_preservation'].about}")
        for note, names in _told(found).items():
            print_line(f"{', '.join(names)}: note: {note}" if names else f"note: {note}")
        for path in self._files:
            print_line(f"written: {path}")


def _told(found: Comparison) -> dict[str, list[str]]:
    """Return each note with the ways that it is about; with none if it is about all."""
    fused = [row for row in found.rows if row.is_fused]
    every = dict.fromkeys(note for row in fused for note in row.notes)
    about = {note: [row.name for row in fused if note in row.notes] for note in every}
    return {note: names if len(names) < len(fused) else [] for note, names in about.items()}


def _title(name: str) -> str:
    column = COLUMNS[name]
    return f"{column.title}, {column.unit}" if column.unit else column.title
