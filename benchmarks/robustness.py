"""How much of a fusion is lost when planes of the stack are not sound.

Each imperfection is put into stacks that are sound, and the fusion compared with that of the same
stack without the planes concerned, or, where they are only exposed otherwise, as they were. See
``README.md`` for what the table means. Everything printed is Markdown.
"""

import argparse
import itertools
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.imperfections import IMPERFECTIONS, Imperfection, Stack
from harness.tables import heading, table
from napari_umis_fusion import FusionResult, fuse
from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.synthetic import SCENES, make_stack

DEFAULT_STACKS = Path(__file__).parents[1] / "tests" / "data" / "stacks"

SIDE_PX = 256
CHANGING_LIGHT = ("flicker", "fading")
"""Imperfections that leave no plane in its light: one factor for the whole image is no loss."""

NEVER = 99.0
"""Decibels that stand for equal images."""


QUICK = (
    *("3 x 3, 10 in each", "2 % of each", "3 %, middle", "slanted, middle"),
    *("25 %, middle", "10 %, middle", "30 %, middle", "40 %, middle", "two swapped"),
    *("by 9, 5 px, middle", "by 40, -22 px, middle", "15 %, middle", "40 %, small, middle"),
    *("x 1.3, 1, 0.7, middle", "x 0.8, 0.9, 1.1, two", "10, 11, 3, 4..."),
    *("4 px, middle", "1.5 px, middle", "rotated by 2°", "lower half", "line by line"),
    *("6 %, middle", "5 %, middle", "5 %, last", "4 %, middle"),
    *("and padded", "6 of 24 px", "from 60 %", "x 0.5 from a third"),
    *("middle", "two", "dark, last", "from 50 %", "six rows", "diagonally"),
    *(
        "x 0.25",
        "x 1.07",
        "x 1.25",
        "x 1.8",
        "x 2.5",
        "+ 10 %, middle",
        "10 %, middle",
        "13 % per plane",
    ),
)
"""Strengths of the quick form."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A stack without imperfections; `truth` is its all-in-focus image, where one is known."""

    name: str
    stack: Stack
    truth: Stack | None = None


@dataclass(frozen=True, slots=True)
class Spoilt:
    """What an imperfection does to a fusion.

    Attributes
    ----------
    decibels : float
        Between the fusion and the right one.
    loss : float
        By how many decibels the truth is farther from the fusion than from the right one; NaN
        where it is not known.
    share : float
        How many pixels took the planes, as a share, less that of the right fusion.
    noted : str
        The most that was done about any plane: "left out", "scaled", "told", or "silent".
    """

    decibels: float
    loss: float
    share: float
    noted: str


def rendered(quick: bool) -> Iterator[Sound]:
    """Yield stacks of synthetic scenes."""
    for name in list(SCENES)[:: 3 if quick else 1]:
        made = make_stack(name, (160, 192), planes=9, noisy=True, seed=3)
        yield Sound(name, made.stack, made.all_in_focus)


def real(folder: Path) -> Iterator[Sound]:
    """Yield the middle of each stack of a folder of folders."""
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            continue
        stack = open_stack(path)
        if len(stack) < 4:
            continue
        step = -(-len(stack) // 12)
        top, left = ((side - min(side, SIDE_PX)) // 2 for side in stack.shape[1:3])
        window = slice(top, top + SIDE_PX), slice(left, left + SIDE_PX)
        planes = [stack.plane(z)[window] for z in range(0, len(stack), step)]
        yield Sound(path.name, np.stack(planes))


def compare(sound: Sound, flaw: Imperfection, options: dict[str, Any]) -> Spoilt:
    """Fuse a stack with an imperfection, and compare with the right fusion."""
    stack = sound.stack
    top = float(2 ** np.ceil(np.log2(float(stack.max()) + 1)) - 1)  # cameras have whole bits
    planes, spoilt = flaw.planes(len(stack)), stack.copy()
    for z in planes:
        spoilt[z] = flaw.spoil(stack[z], top, z)
    if flaw.order is not None:
        spoilt = spoilt[flaw.order(len(stack))]
    right = fuse(np.delete(stack, planes, 0) if flaw.is_lost else stack, **options)
    image = right.all_in_focus
    if flaw.hides is not None:  # there, nobody can know what it showed
        hidden = flaw.hides(stack[planes[0]], top)
        without = fuse(np.delete(stack, planes, 0), **options).all_in_focus
        image = image.copy()
        image[hidden] = without[hidden]
    got = fuse(spoilt, **{**options, **dict(flaw.options)})
    share = float(np.isin(got.index_map, planes).mean())
    if not flaw.is_lost:
        share -= float(np.isin(right.index_map, planes).mean())
    found = got.all_in_focus.astype(np.float64)
    if flaw.name in CHANGING_LIGHT:  # which of them is the right one, nobody can know
        found *= (found * image).sum() / (found * found).sum()
    highest, loss = float(stack.max()), np.nan
    if sound.truth is not None:
        loss = _decibels(image, sound.truth, highest) - _decibels(found, sound.truth, highest)
    return Spoilt(_decibels(found, image, highest), loss, share, _noted(got))


def _noted(got: FusionResult) -> str:
    healths = got.health or ()
    if any(one.is_left_out for one in healths):
        return "left out"
    is_scaled = any(one.is_scaled for one in healths)
    return "scaled" if is_scaled else "told" if any(one.has_news for one in healths) else "silent"


def _decibels(image: Stack, right: Stack, top: float) -> float:
    error = np.mean((image.astype(np.float64) - right) ** 2)
    return min(float(10 * np.log10(top**2 / error)), NEVER) if error > 0 else NEVER


def summary(found: list[Spoilt]) -> list[str]:
    """Return the figures of a row, over all stacks."""
    decibels = [spoilt.decibels for spoilt in found]
    losses = [spoilt.loss for spoilt in found if not np.isnan(spoilt.loss)]
    share = max((spoilt.share for spoilt in found), key=abs)
    return [
        f"{min(decibels):.1f}",
        f"{np.median(decibels):.1f}",
        f"{max(losses):+.2f}" if losses else "",
        f"{np.median(losses):+.2f}" if losses else "",
        f"{100 * share:+.1f} %",
        ", ".join(f"{count} {noted}" for noted, count in Counter(s.noted for s in found).items()),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stacks", type=Path, default=DEFAULT_STACKS, help="folder of folders")
    parser.add_argument("--quick", action="store_true", help="fewer stacks, measures and flaws")
    parser.add_argument("--only", default="", help="imperfections whose name holds this text")
    parser.add_argument("--measures", nargs="+", default=["learned", "laplacian"])
    parser.add_argument("--blends", nargs="+", default=["weighted", "select"])
    arguments = parser.parse_args()
    stacks = [*rendered(arguments.quick), *real(arguments.stacks)]
    print(heading("Loss through planes that are not sound"))
    print(f"{len(stacks)} stacks: {', '.join(sound.name for sound in stacks)}.\n")
    rows = []
    for measure, blend in itertools.product(arguments.measures, arguments.blends):
        for flaw in IMPERFECTIONS:
            if (arguments.quick and flaw.strength not in QUICK) or arguments.only not in flaw.name:
                continue
            options = {"focus_measure": measure, "blend": blend}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = [compare(sound, flaw, options) for sound in stacks]
            rows.append([flaw.name, flaw.strength, measure, blend, *summary(found)])
            print(*rows[-1], sep=", ", file=sys.stderr, flush=True)
    titles = [
        "imperfection",
        "where",
        "measure",
        "blend",
        "worst, dB",
        "median, dB",
        "loss: worst, dB",
        "median, dB",
        "share of pixels",
        "stacks",
    ]
    print(table(titles, rows))


if __name__ == "__main__":
    main()
