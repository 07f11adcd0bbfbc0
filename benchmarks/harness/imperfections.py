"""What goes wrong with planes of a stack, put into sound ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation, rotate, shift

from harness.foreign_detail import coarse_noise, fringes, in_large_pixels, row_noise, sharpened
from harness.overwritten import (
    Spoil,
    Stack,
    another_texture,
    block_lost,
    cut_short,
    hit,
    moved_and_padded,
    part_lit,
    salted,
    speckled,
    with_scale_bar,
)
from harness.stray_light import exposed_twice, ghost, glare, shadow, tinted, vignette


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
    hides : callable, optional
        Where a spoilt plane does not tell what it showed, given the plane as it was and the highest
        value: nobody can do better there than without it.
    order : callable, optional
        Of so many planes, the order in which they are fused.
    """

    name: str
    strength: str
    planes: Callable[[int], list[int]]
    spoil: Callable[[Stack, float, int], Stack]
    is_lost: bool
    options: tuple[tuple[str, Any], ...] = ()
    hides: Callable[[Stack, float], Stack] | None = None
    order: Callable[[int], list[int]] | None = None


def _filled(share: float) -> Spoil:
    return lambda plane, top, _: np.full_like(plane, share * top)


def _torn(rows: float, columns: float = 0.0) -> Spoil:
    def spoil(plane: Stack, _: float, __: int) -> Stack:
        torn = plane.copy()
        torn[round(rows * len(plane)) :, round(columns * plane.shape[1]) :] = 0
        return torn

    return spoil


def _is_torn(spoil: Spoil) -> Callable[[Stack, float], Stack]:
    return lambda plane, top: spoil(np.ones(plane.shape[:2], np.uint8), top, 0) == 0


def _is_changed(spoil: Spoil) -> Callable[[Stack, float], Stack]:
    return lambda plane, top: (
        (spoil(plane, top, 0) != plane).reshape(*plane.shape[:2], -1).any(axis=2)
    )


def _exposed(gain: float) -> Spoil:
    def spoil(plane: Stack, top: float, _: int) -> Stack:
        return np.clip(np.rint(plane * gain), 0, top).astype(plane.dtype)

    return spoil


def _clips(gain: float) -> Callable[[Stack, float], Stack]:
    return lambda plane, top: binary_dilation(
        (plane * gain >= top).reshape(*plane.shape[:2], -1).any(axis=2)
    )


def _noise(level: float) -> Spoil:
    def spoil(plane: Stack, top: float, z: int) -> Stack:
        noise = np.random.default_rng(z).normal(level * top, 0.005 * top, plane.shape)
        return np.clip(noise, 0, top).astype(plane.dtype)

    return spoil


def _random(plane: Stack, top: float, z: int) -> Stack:
    return np.random.default_rng(z).uniform(0, top, plane.shape).astype(plane.dtype)


def _noisy(level: float) -> Spoil:
    def spoil(plane: Stack, top: float, z: int) -> Stack:
        noise = np.random.default_rng(z).normal(0, level * top, plane.shape)
        return np.clip(np.rint(plane + noise), 0, top).astype(plane.dtype)

    return spoil


def _wrapped(plane: Stack, top: float, _: int) -> Stack:
    return ((plane.astype(np.int64) + round(top / 2)) % round(top + 1)).astype(plane.dtype)


def _half_dark(plane: Stack, top: float, z: int) -> Stack:
    half = plane.copy()
    half[len(plane) // 2 :] = _noise(0.02)(half[len(plane) // 2 :], top, z)
    return half


def _swapped(plane: Stack, _: float, __: int) -> Stack:
    return np.ascontiguousarray(plane[..., ::-1]) if plane.ndim == 3 else plane


def _without_rows(plane: Stack, _: float, __: int) -> Stack:
    lost = plane.copy()
    lost[len(plane) // 2] = lost[20:25] = 0
    return lost


def _corner_cut(plane: Stack, _: float, __: int) -> Stack:
    rows, columns = np.indices(plane.shape[:2])
    cut = plane.copy()
    cut[columns > rows + len(plane) // 4] = 0
    return cut


def _darkness(share: float) -> Spoil:
    def spoil(plane: Stack, top: float, _: int) -> Stack:
        return np.clip(np.rint(plane + share * top), 0, top).astype(plane.dtype)

    return spoil


def _interlaced(plane: Stack, _: float, __: int) -> Stack:
    half = plane.copy()
    half[1::2] = 0
    return half


def _rolled(plane: Stack, _: float, __: int) -> Stack:
    return np.roll(plane, len(plane) // 3, axis=0)


def _elsewhere(plane: Stack, _: float, __: int) -> Stack:
    return np.ascontiguousarray(plane[::-1, ::-1])


def _moved(rows: float, columns: float = 0.0) -> Spoil:
    def spoil(plane: Stack, _: float, __: int) -> Stack:
        steps = (rows, columns, 0)[: plane.ndim]
        return shift(plane, steps, order=1, mode="reflect")

    return spoil


def _turned(degrees: float) -> Spoil:
    return lambda plane, _, __: rotate(plane, degrees, reshape=False, order=1, mode="reflect")


def _cut_off(plane: Stack, _: float, __: int) -> Stack:
    rows, columns = np.indices(plane.shape[:2])
    cut = plane.copy()
    cut[(rows < 12 - 0.08 * columns) | (len(plane) - rows < 14 - 0.08 * columns[:, ::-1])] = 0
    return cut


def _half_moved(plane: Stack, _: float, __: int) -> Stack:
    half = len(plane) // 2
    return np.concatenate([plane[:half], np.roll(plane[half:], 20, axis=1)])


def _jittered(plane: Stack, _: float, z: int) -> Stack:
    steps = np.random.default_rng(z).integers(-3, 4, len(plane))
    return np.stack([np.roll(row, step, axis=0) for row, step in zip(plane, steps, strict=True)])


def _without_channel(plane: Stack, _: float, __: int) -> Stack:
    less = plane.copy()
    less[..., -1] = 0 if plane.ndim == 3 else less[..., -1]
    return less


def _flickering(spread: float) -> Spoil:
    def spoil(plane: Stack, top: float, z: int) -> Stack:
        gain = np.random.default_rng(z).uniform(1 - spread, 1)
        return np.rint(plane * gain).astype(plane.dtype)

    return spoil


def _fading(share: float) -> Spoil:
    return lambda plane, _, z: np.rint(plane * share**z).astype(plane.dtype)


def _swum(plane: Stack, top: float, z: int) -> Stack:
    spoilt = plane.astype(np.float64)
    row, column = len(plane) // 3 + 3 * z, 4 + 15 * z
    spoilt[row : row + 7, column : column + 20] *= 0.4
    return np.rint(spoilt).astype(plane.dtype)


def _middle(count: int) -> list[int]:
    return [count // 2]


def _swapped_planes(count: int) -> list[int]:
    order = list(range(count))
    order[2], order[-3] = order[-3], order[2]
    return order


def _by_name(count: int) -> list[int]:
    return sorted(range(count), key=lambda z: str(z + 3))  # 10, 11, 3, 4...


def _same(plane: Stack, _: float, __: int) -> Stack:
    return plane


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
    Imperfection("noise alone", "dark, last", PLACES["last"], _noise(0.02), True),
    Imperfection("random values", "middle", _middle, _random, True),
    Imperfection("random values", "first", PLACES["first"], _random, True),
    Imperfection("noise added", "10 %, middle", _middle, _noisy(0.1), True),
    Imperfection("coarse noise added", "6 %, middle", _middle, coarse_noise(0.06), True),
    Imperfection("fringes", "5 %, middle", _middle, fringes(0.05), True),
    Imperfection("fringes", "5 %, last", PLACES["last"], fringes(0.05), True),
    Imperfection("row noise added", "4 %, middle", _middle, row_noise(0.04), True),
    Imperfection("sharpened", "middle", _middle, sharpened, True),
    Imperfection("large pixels", "middle", _middle, in_large_pixels, True),
    Imperfection("values wrapped", "middle", _middle, _wrapped, True),
    Imperfection("colours swapped", "middle", _middle, _swapped, True),
    Imperfection("interlaced", "middle", _middle, _interlaced, True),
    Imperfection("rows shifted", "middle", _middle, _rolled, True),
    Imperfection("another place", "middle", _middle, _elsewhere, True),
    Imperfection("moved", "4 px, middle", _middle, _moved(0, 4), True),
    Imperfection("moved", "1.5 px, middle", _middle, _moved(0, 1.5), True),
    Imperfection("moved", "5 px, two", PLACES["two"], _moved(5), True),
    Imperfection("moved", "6 px, first", PLACES["first"], _moved(4, 4), True),
    Imperfection("moved", "rotated by 2°", _middle, _turned(2), True),
    Imperfection("moved", "lower half", _middle, _half_moved, True),
    Imperfection("moved", "line by line", _middle, _jittered, True),
    Imperfection("another place", "first", PLACES["first"], _elsewhere, True),
    Imperfection("moved", "and padded", _middle, moved_and_padded, True),
    Imperfection("another texture", "middle", _middle, another_texture, True),
    Imperfection("another texture", "first", PLACES["first"], another_texture, True),
    Imperfection("channel missing", "middle", _middle, _without_channel, True),
    Imperfection("torn", "from 30 %", _middle, _torn(0.3), False, (), _is_torn(_torn(0.3))),
    Imperfection("torn", "from 50 %", _middle, _torn(0.5), False, (), _is_torn(_torn(0.5))),
    Imperfection("torn", "from 87 %", _middle, _torn(0.87), False, (), _is_torn(_torn(0.87))),
    Imperfection("torn", "six rows", _middle, _without_rows, False, (), _is_torn(_without_rows)),
    Imperfection("torn", "diagonally", _middle, _corner_cut, False, (), _is_torn(_corner_cut)),
    Imperfection(
        "torn", "right half", _middle, _torn(0.0, 0.5), False, (), _is_torn(_torn(0.0, 0.5))
    ),
    *(
        Imperfection(name, strength, _middle, spoil, False, (), _is_changed(spoil))
        for name, strength, spoil in (
            ("half in the dark", "middle", _half_dark),
            ("blocks lost", "6 of 24 px", block_lost),
            ("scale bar", "middle", with_scale_bar),
            ("one line repeated", "from 60 %", cut_short),
            ("part lit", "x 0.5 from a third", part_lit(0.5)),
        )
    ),
    *(
        Imperfection("exposure", f"x {gain:g}", _middle, _exposed(gain), False, (), _clips(gain))
        for gain in (0.25, 0.5, 0.8, 1.07, 1.25, 1.5, 1.8, 2.5)
    ),
    Imperfection("exposure", "x 1.8, first", PLACES["first"], _exposed(1.8), False),
    Imperfection("exposure", "x 1.8, second", PLACES["second"], _exposed(1.8), False),
    Imperfection("exposure", "x 0.5, last", PLACES["last"], _exposed(0.5), False),
    Imperfection("exposure", "x 1.8, two", PLACES["two"], _exposed(1.8), False),
    Imperfection("black level", "+ 10 %, middle", _middle, _darkness(0.1), False),
    *(
        Imperfection(name, strength, PLACES[strength.split(", ")[-1]], spoil, is_lost)
        for name, strength, spoil, is_lost in (
            ("glare", "25 %, middle", glare(0.25), False),
            ("glare", "10 %, middle", glare(0.1), False),
            ("glare", "40 %, small, middle", glare(0.4, 0.06), False),
            ("glare", "25 %, first", glare(0.25), False),
            ("glare", "25 %, two", glare(0.25), False),
            ("shadow", "30 %, middle", shadow(0.3), False),
            ("vignette", "40 %, middle", vignette(0.4), False),
            ("double exposure", "by 9, 5 px, middle", exposed_twice(9, 5), True),
            ("double exposure", "by 40, -22 px, middle", exposed_twice(40, -22), True),
            ("ghost", "15 %, middle", ghost(0.15), True),
            ("ghost", "30 %, middle", ghost(0.3), True),
            ("tint", "x 1.3, 1, 0.7, middle", tinted(1.3, 1, 0.7), False),
            ("tint", "x 1.1, 1, 0.95, last", tinted(1.1, 1, 0.95), False),
            ("tint", "x 0.8, 0.9, 1.1, two", tinted(0.8, 0.9, 1.1), False),
        )
    ),
    Imperfection("order", "two swapped", lambda _: [], _same, False, order=_swapped_planes),
    Imperfection("order", "10, 11, 3, 4...", lambda _: [], _same, False, order=_by_name),
    Imperfection("flicker", "up to 10 %", _all, _flickering(0.1), False),
    Imperfection("flicker", "up to 40 %", _all, _flickering(0.4), False),
    Imperfection("fading", "7 % per plane", _all, _fading(0.93), False),
    Imperfection("fading", "13 % per plane", _all, _fading(0.87), False),
    Imperfection("specks", "20 in each", _all, speckled, False),
    Imperfection("specks", "3 x 3, 10 in each", _all, hit((3, 3)), False),
    Imperfection("specks", "tracks, 10 in each", _all, hit((1, 12)), False),
    Imperfection("salt and pepper", "2 % of each", _all, salted(0.02), False),
    Imperfection("salt and pepper", "3 %, middle", _middle, salted(0.03), True),
    Imperfection("padding", "slanted, middle", _middle, _cut_off, False, (), _is_torn(_cut_off)),
    Imperfection("swimmer", "kept", _all, _swum, False),
    Imperfection("swimmer", "rejected", _all, _swum, False, (("moving", "reject"),)),
]
