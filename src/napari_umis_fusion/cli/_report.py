"""Output of the command line: lines, JSON, errors, and a progress bar on terminals only."""

import json
import sys
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from napari_umis_fusion.cli._interrupts import run_interruptibly
from napari_umis_fusion.runtime import COMPILING, Progress, is_compiling

if TYPE_CHECKING:
    from napari_umis_fusion.fusion import FusionEvent

Done = TypeVar("Done")
Event = TypeVar("Event")

LONGEST_MESSAGE = 2000
"""Characters; ours are far shorter, those of other libraries may not be."""


def print_line(message: str) -> None:
    """Print a line for people, at once: who reads a pipe should not wait for the end of a run.

    Letters that the output has no code for, as of names of files, are shown as codes.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(message.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def print_written(files: Mapping[str, object], notes: Iterable[str], stack: str = "") -> None:
    """Print notes on a result, and its files by their content; both after the name of the stack."""
    start = f"{stack}: " if stack else ""
    for note in notes:
        print_line(f"{start}note: {note}")
    for content, path in files.items():
        print_line(f"{start}{content}: {path}")


def format_numbers(numbers: Mapping[str, float]) -> str:
    """Return numbers with their names as text."""
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())


def print_json(values: dict[str, Any]) -> None:
    """Print one line of JSON for scripts, at once."""
    print(json.dumps(values, default=str), flush=True)


def print_error(kind: str, message: object) -> None:
    """Print an error or a warning as one line on standard error."""
    line = " ".join(str(message).split())
    if len(line) > LONGEST_MESSAGE:
        line = f"{line[:LONGEST_MESSAGE]}..."
    print(f"umis-fusion: {kind}: {line}", file=sys.stderr)


@contextmanager
def one_line_warnings() -> Iterator[None]:
    """Print warnings of this package as one line, without file and line number."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: print_error("warning", message)
        yield


def progress_bar(what: str, unit: str, *, quiet: bool) -> Any:
    """Return a progress bar that is shown on terminals only."""
    if quiet or not sys.stderr.isatty():
        return _HiddenBar()
    from tqdm import tqdm

    return tqdm(desc=what, unit=unit, leave=False)


class _HiddenBar:
    """Takes what a bar of tqdm takes and shows nothing, without loading tqdm."""

    disable = True

    def __init__(self) -> None:
        self.n = self.initial = 0.0
        self.total: float | None = None

    def reset(self, total: float | None = None) -> None:
        """Begin anew."""
        self.n, self.total = 0.0, total

    def write(self, text: str, file: TextIO) -> None:
        """Print a line."""
        print(text, file=file)

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Return what shows nothing."""
        return _show_nothing


def _show_nothing(*_: object, **__: object) -> None:
    """Stand for what a bar shows."""


def show_done(bar: Any, done: float, total: float | None, what: str | None = None) -> None:
    """Show in a bar how much of `total` is done, and of what."""
    if what is not None:
        bar.set_description(what, refresh=False)
    if is_compiling():
        bar.set_postfix_str(COMPILING, refresh=False)
    elif bar.postfix == COMPILING:
        bar.set_postfix_str("", refresh=False)
    bar.total, bar.n = total, done
    bar.update(0)


def run_shown(
    steps: Generator[Event, None, Done], bar: Any, show: Callable[[Event], object]
) -> Done:
    """Run a generator to its end, pass its events to `show`, close it and its bar."""
    try:
        return run_interruptibly(steps, show)
    finally:
        # Interrupted, threads and temporary files must be gone before the program says so.
        steps.close()
        bar.close()


def run_with_progress(
    events: "Generator[FusionEvent, None, Done]", *, quiet: bool, what: str = "fusing"
) -> Done:
    """Run a fusion to its end, with a progress bar if standard error is a terminal."""
    bar = progress_bar(what, "plane", quiet=quiet)
    return run_shown(events, bar, partial(_show, bar, quiet))


def _show(bar: Any, quiet: bool, event: "FusionEvent") -> None:
    from napari_umis_fusion.fusion import MemoryPlan  # loaded by now; other commands need none

    # Where nobody watches, only what takes longer than expected is told.
    if isinstance(event, MemoryPlan) and not quiet and (len(event.blocks) > 1 or not bar.disable):
        bar.write(str(event), file=sys.stderr)
    if not isinstance(event, Progress):
        return
    bar.set_description(event.stage, refresh=False)
    if event.done < bar.n:  # the next stage has begun: tqdm shows nothing for a count that falls
        bar.reset()
    show_done(bar, event.done, event.total)
