"""The stacks that coherence is judged on: rendered with a known answer, and real ones."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion import open_stack
from napari_umis_fusion.synthetic import SCENES, make_stack

HAZE = 0.15

REAL = {
    "scorpion_la3lma": "small jitter",
    "algae_midcash": "aligned",
    "pcb_petteri": "misaligned",
    "toys_yeuchi": "nearly aligned",
    "corentin_gen1": "aligned",
}
"""Real stacks, and whether their planes lie upon each other as they are fused here."""


@dataclass(frozen=True, slots=True)
class Example:
    """A stack, and what is known about it.

    Attributes
    ----------
    stack : ndarray of shape (Z, Y, X) or (Z, Y, X, C)
        The planes.
    grey_range : (float, float)
        Black and white.
    truth : ndarray or None
        The all-in-focus truth, where there is one.
    sub_plane_map : ndarray or None
        The true depth in planes, where it is known.
    """

    stack: NDArray[Any]
    grey_range: tuple[float, float]
    truth: NDArray[np.float32] | None = None
    sub_plane_map: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where an example comes from; loaded when its turn comes.

    Attributes
    ----------
    name : str
        As it stands in the tables.
    kind : str
        What is alike: "rendered clean", "occlusion noisy", "real" and so on.
    load : callable
        Returns the `Example`.
    """

    name: str
    kind: str
    load: Callable[[], Example]


def rendered(side_px: int) -> list[Source]:
    """List the rendered stacks: every scene clean and noisy, and with haze."""
    kinds: dict[str, dict[str, Any]] = {
        "clean": {},
        "noisy": {"noisy": True},
        "haze": {"haze": HAZE},
    }
    shape = (side_px * 3 // 4, side_px)
    return [
        Source(f"{scene} {kind}", f"rendered {kind}", partial(_render, scene, shape, options))
        for kind, options in kinds.items()
        for scene in SCENES
    ]


def real(folder: Path) -> list[Source]:
    """List the real stacks that are there."""
    return [
        Source(f"{name} ({aligned})", "real", partial(_read, folder / name))
        for name, aligned in REAL.items()
        if (folder / name).is_dir()
    ]


def _render(scene: str, shape: tuple[int, int], options: dict[str, Any]) -> Example:
    made = make_stack(scene, shape, **options)
    black = SCENES[scene].clean.offset
    return Example(made.stack, (black, black + made.data_range), made.all_in_focus)


def _read(folder: Path) -> Example:
    stack = np.stack(list(open_stack(folder)))
    return Example(stack, (0, float(np.iinfo(stack.dtype).max)))
