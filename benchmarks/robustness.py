"""How much of a fusion is lost when planes of the stack are not sound.

Each imperfection is put into stacks that are sound, and the fusion compared with that of the same
stack without the planes concerned, or, where they are only exposed otherwise, as they were. See
``README.md`` for what the table means. Everything printed is Markdown.
"""

import argparse
import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.tables import heading, table
from napari_umis_fusion import fuse
from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.synthetic import SCENES, make_stack

DEFAULT_STACKS = Path(__file__).parents[1] / "tests" / "data" / "stacks"

Stack = NDArray[Any]
SIDE_PX = 256
NEVER = 99.0
"""Decibels that stand for equal images."""


@dataclass(frozen=True, slots=True)
class Imperfection:
    """What goes wrong with some planes.

    Attributes
    ----------
    name, strength : str
        For the table.
    planes : callable
        Which, of so many.
    spoil : callable
        What becomes of a plane, given the highest value that the camera knows and its number.
    is_lost : bool
        Whether the right result is that without the planes; else that of the stack as it was.
    options : tuple of (str, value)
        Options of the fusion that are meant for it.
    """

    name: str
    strength: str
    planes: Callable[[int], list[int]]
    spoil: Callable[[Stack, float, int], Stack]
    is_lost: bool
    options: tuple[tuple[str, Any], ...] = ()


Spoil = Callable[[Stack, float, int], Stack]


def _filled(share: float) -> Spoil:
    return lambda plane, top, _: np.full_like(plane, share * top)


def _torn(rows: float, columns: float = 0.0) -> Spoil:
    def spoil(plane: Stack, _: float, __: int) -> Stack:
        torn = plane.copy()
        torn[round(rows * len(plane)) :, round(columns * plane.shape[1]) :] = 0
        return torn

    return spoil


def _exposed(gain: float) -> Spoil:
    def spoil(plane: Stack, top: float, _: int) -> Stack:
        return np.clip(np.rint(plane * gain), 0, top).astype(plane.dtype)

    return spoil


def _noise(level: float) -> Spoil:
    def spoil(plane: Stack, top: float, z: int) -> Stack:
        noise = np.random.default_rng(z).normal(level * top, 0.005 * top, plane.shape)
        return np.clip(noise, 0, top).astype(plane.dtype)

    return spoil


def _interlaced(plane: Stack, _: float, __: int) -> Stack:
    half = plane.copy()
    half[1::2] = 0
    return half


def _rolled(plane: Stack, _: float, __: int) -> Stack:
    return np.roll(plane, len(plane) // 3, axis=0)


def _elsewhere(plane: Stack, _: float, __: int) -> Stack:
    return np.ascontiguousarray(plane[::-1, ::-1])


def _without_channel(plane: Stack, _: float, __: int) -> Stack:
    less = plane.copy()
    less[..., -1] = 0 if plane.ndim == 3 else less[..., -1]
    return less


def _flickering(spread: float) -> Spoil:
    def spoil(plane: Stack, top: float, z: int) -> Stack:
        gain = np.random.default_rng(z).uniform(1 - spread, 1)
        return np.rint(plane * gain).astype(plane.dtype)

    return spoil


def _fading(plane: Stack, _: float, z: int) -> Stack:
    return np.rint(plane * 0.93**z).astype(plane.dtype)


def _speckled(plane: Stack, top: float, z: int) -> Stack:
    rng, spoilt = np.random.default_rng(z), plane.copy()
    places = rng.choice(plane.shape[0] * plane.shape[1], 20)
    spoilt.reshape(-1, *plane.shape[2:])[places] = top
    return spoilt


def _swum(plane: Stack, top: float, z: int) -> Stack:
    spoilt = plane.astype(np.float64)
    row, column = len(plane) // 3 + 3 * z, 4 + 15 * z
    spoilt[row : row + 7, column : column + 20] *= 0.4
    return np.rint(spoilt).astype(plane.dtype)


def _middle(count: int) -> list[int]:
    return [count // 2]


def _all(count: int) -> list[int]:
    return list(range(count))


PLACES: dict[str, Callable[[int], list[int]]] = {
    "first": lambda count: [0],
    "second": lambda count: [1],
    "middle": _middle,
    "last": lambda count: [count - 1],
    "two": lambda count: [count // 2 - 1, count // 2],
    "every 4th": lambda count: list(range(0, count, 4)),
}

IMPERFECTIONS = [
    *(Imperfection("black", place, planes, _filled(0.0), True) for place, planes in PLACES.items()),
    Imperfection("white", "middle", _middle, _filled(1.0), True),
    Imperfection("grey", "middle", _middle, _filled(0.4), True),
    Imperfection("noise alone", "dark, middle", _middle, _noise(0.02), True),
    Imperfection("noise alone", "grey, middle", _middle, _noise(0.4), True),
    Imperfection("noise alone", "grey, two", PLACES["two"], _noise(0.4), True),
    Imperfection("interlaced", "middle", _middle, _interlaced, True),
    Imperfection("rows shifted", "middle", _middle, _rolled, True),
    Imperfection("another place", "middle", _middle, _elsewhere, True),
    Imperfection("another place", "first", PLACES["first"], _elsewhere, True),
    Imperfection("channel missing", "middle", _middle, _without_channel, True),
    Imperfection("torn", "from 30 %", _middle, _torn(0.3), False),
    Imperfection("torn", "from 50 %", _middle, _torn(0.5), False),
    Imperfection("torn", "from 87 %", _middle, _torn(0.87), False),
    Imperfection("torn", "right half", _middle, _torn(0.0, 0.5), False),
    *(
        Imperfection("exposure", f"x {gain:g}", _middle, _exposed(gain), False)
        for gain in (0.25, 0.5, 0.8, 1.25, 1.5, 1.8, 2.5)
    ),
    Imperfection("exposure", "x 1.8, first", PLACES["first"], _exposed(1.8), False),
    Imperfection("exposure", "x 1.8, second", PLACES["second"], _exposed(1.8), False),
    Imperfection("exposure", "x 0.5, last", PLACES["last"], _exposed(0.5), False),
    Imperfection("exposure", "x 1.8, two", PLACES["two"], _exposed(1.8), False),
    Imperfection("flicker", "up to 10 %", _all, _flickering(0.1), False),
    Imperfection("flicker", "up to 40 %", _all, _flickering(0.4), False),
    Imperfection("fading", "7 % per plane", _all, _fading, False),
    Imperfection("specks", "20 in each", _all, _speckled, False),
    Imperfection("swimmer", "kept", _all, _swum, False),
    Imperfection("swimmer", "rejected", _all, _swum, False, (("moving", "reject"),)),
]

QUICK = ("middle", "two", "from 50 %", "x 0.25", "x 1.25", "x 1.8", "x 2.5")
"""Strengths of the quick form."""


def rendered(quick: bool) -> Iterator[tuple[str, Stack]]:
    """Yield stacks of synthetic scenes."""
    for name in list(SCENES)[:: 3 if quick else 1]:
        yield name, make_stack(name, (160, 192), planes=9, noisy=True, seed=3).stack


def real(folder: Path) -> Iterator[tuple[str, Stack]]:
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
        yield path.name, np.stack([stack.plane(z)[window] for z in range(0, len(stack), step)])


def loss_of(stack: Stack, flaw: Imperfection, options: dict[str, Any]) -> tuple[float, float]:
    """Return decibels between the fusion and the right one, and how many pixels took the planes.

    The latter as a share, less that of the right fusion.
    """
    top = float(2 ** np.ceil(np.log2(float(stack.max()) + 1)) - 1)  # cameras have whole bits
    planes, spoilt = flaw.planes(len(stack)), stack.copy()
    for z in planes:
        spoilt[z] = flaw.spoil(stack[z], top, z)
    right = fuse(np.delete(stack, planes, 0) if flaw.is_lost else stack, **options)
    image = right.all_in_focus
    if flaw.name == "torn":  # where it is torn, nobody can know what it showed
        torn = flaw.spoil(np.ones_like(stack[0]), top, 0) == 0
        image = np.where(torn, fuse(np.delete(stack, planes, 0), **options).all_in_focus, image)
    got = fuse(spoilt, **{**options, **dict(flaw.options)})
    share = float(np.isin(got.index_map, planes).mean())
    if not flaw.is_lost:
        share -= float(np.isin(right.index_map, planes).mean())
    return _decibels(got.all_in_focus, image, float(stack.max())), share


def _decibels(image: Stack, right: Stack, top: float) -> float:
    error = np.mean((image.astype(np.float64) - right) ** 2)
    return min(float(10 * np.log10(top**2 / error)), NEVER) if error > 0 else NEVER


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
    print(f"{len(stacks)} stacks: {', '.join(name for name, _ in stacks)}.\n")
    rows = []
    for measure, blend in itertools.product(arguments.measures, arguments.blends):
        for flaw in IMPERFECTIONS:
            if (arguments.quick and flaw.strength not in QUICK) or arguments.only not in flaw.name:
                continue
            options = {"focus_measure": measure, "blend": blend}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = [loss_of(stack, flaw, options) for _, stack in stacks]
            decibels, shares = np.array(found).T
            rows.append(
                [
                    flaw.name,
                    flaw.strength,
                    measure,
                    blend,
                    f"{decibels.min():.1f}",
                    f"{np.median(decibels):.1f}",
                    f"{100 * shares[np.abs(shares).argmax()]:+.1f} %",
                ]
            )
    titles = [
        "imperfection",
        "where",
        "measure",
        "blend",
        "worst, dB",
        "median, dB",
        "share of pixels",
    ]
    print(table(titles, rows))


if __name__ == "__main__":
    main()
