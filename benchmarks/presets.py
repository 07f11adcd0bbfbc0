"""What each preset by specimen gains over the default options on stacks of its kind.

Rendered stacks move and change their light as such stacks do; real ones are those of a folder. See
``README.md`` for what the columns mean. Everything printed is Markdown.
"""

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coherence import DEFAULT_STACKS
from harness.tables import heading, table
from napari_umis_fusion import FusionConfig, FusionResult, fuse
from napari_umis_fusion.alignment import AlignedStack
from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.metrics import false_edge_rate, psnr
from napari_umis_fusion.presets import PRESETS
from napari_umis_fusion.stack import stack_of_arrays
from napari_umis_fusion.synthetic import (
    SCENES,
    Motion,
    RenderConfig,
    RenderedStack,
    Smear,
    render_moving_stack,
    render_smear,
)

Stack = NDArray[Any]
SHAPE, SIDE_PX = (144, 192), 320
FAR_PLANES = 2.5
"""Planes that are farther from the truth than this are wrong."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How stacks of one kind are taken.

    Attributes
    ----------
    preset : str
        The preset that is made for it.
    scenes : tuple of str
        Of `SCENES`; none for smears.
    motions : dict of str to Motion
        By what happens.
    real : tuple of str
        Folders of real stacks of this kind.
    """

    preset: str
    scenes: tuple[str, ...]
    motions: dict[str, Motion]
    real: tuple[str, ...] = ()


STILL = Motion()

KINDS = (
    Kind(
        "brightfield",
        ("bars", "discs"),
        {"still": STILL, "drift 4 px": Motion(drift_px=(4.0, -3.0), jitter_px=0.3)},
        ("algae_midcash", "blood_smear_left"),
    ),
    Kind(
        "fluorescence",
        ("fluorescence",),
        {"still": STILL, "bleaching 40 %": Motion(fading=0.4), "flicker 6 %": Motion(flicker=0.06)},
        ("microtubules_dfnn", "cells_sephace"),
    ),
    Kind(
        "reflected light",
        ("bumps", "weak_texture"),
        {
            "still": STILL,
            "drift, flicker": Motion(drift_px=(3.0, 2.0), jitter_px=0.4, flicker=0.04),
        },
        ("pcb_petteri", "pcb_depthmap_petteri"),
    ),
    Kind(
        "macro",
        ("discs", "bumps"),
        {
            "still": STILL,
            "breathing, flicker": Motion(breathing=0.03, drift_px=(3.0, -2.0), flicker=0.04),
        },
        ("scorpion_la3lma", "ring_cmcguinness", "leaves_josephlewis42"),
    ),
    Kind("phase or DIC", (), {"cells that hardly absorb": STILL}),
    Kind("thin transmitted", (), {"smear": STILL}, ("blood_smear_left",)),
)


def rendered(kind: Kind, motion: Motion, seeds: int) -> Iterator[tuple[Stack, RenderedStack]]:
    """Yield stacks of a kind, each with the truth in its middle plane."""
    for seed in range(seeds):
        for name in kind.scenes:
            moved = replace(motion, seed=seed)
            made = render_moving_stack(name, SHAPE, moved, _config(name, seed))
            yield made.stack, made.twin
        if not kind.scenes:
            absorbs = {"absorption": 0.02} if kind.preset == "phase or DIC" else {}
            twin = render_smear(Smear(seed=seed, side_px=192, **absorbs))
            yield twin.stack, twin


def _config(name: str, seed: int) -> RenderConfig:
    few = name == "fluorescence"
    return replace(SCENES[name].noisy, seed=seed, photon_electrons=300.0 if few else 3000.0)


@dataclass(frozen=True, slots=True)
class Score:
    """How close a fusion is to the truth.

    Attributes
    ----------
    psnr_db : float
        In the light that fits the truth best: which plane's light is kept, the options choose.
    far : float
        Share of the pixels with detail that come from planes far from the truth.
    """

    psnr_db: float
    far: float


def score(result: FusionResult, twin: RenderedStack) -> Score:
    """Compare with the truth where all aligned planes show it."""
    window = result.window or (slice(None), slice(None))
    truth = twin.all_in_focus[window].astype(np.float64)
    image = result.all_in_focus.astype(np.float64)
    black = float(np.percentile(truth, 0.1))
    light = ((image - black) * (truth - black)).sum() / ((image - black) ** 2).sum()
    fitted = black + light * (image - black)
    detail = result.focus_map > np.quantile(result.focus_map, 0.2)
    off = np.abs(result.index_map - twin.sub_plane_map[window]) > FAR_PLANES
    return Score(psnr(fitted, truth, data_range=twin.data_range), float(off[detail].mean()))


def compare_rendered(kind: Kind, configs: dict[str, FusionConfig], seeds: int) -> list[list[str]]:
    """Return rows: what happens, and for each config the median and the worst PSNR and share."""
    rows = []
    for what, motion in kind.motions.items():
        stacks = list(rendered(kind, motion, seeds))
        if not stacks:
            continue
        for name, config in configs.items():
            scores = [score(fuse(stack, config), twin) for stack, twin in stacks]
            dbs, fars = [one.psnr_db for one in scores], [one.far for one in scores]
            cells = f"{np.median(dbs):.2f}", f"{min(dbs):.2f}", f"{100 * np.median(fars):.1f} %"
            rows.append([kind.preset, what, name, *cells])
    return rows


def compare_real(kind: Kind, configs: dict[str, FusionConfig], folder: Path) -> Iterator[list[str]]:
    """Yield rows: the stack, the config, false edges, and what a fusion tells."""
    for stack in kind.real:
        if not (folder / stack).is_dir():
            continue
        planes = _middle(open_stack(folder / stack))
        for name, config in configs.items():
            result = fuse(planes, config)
            rate = false_edge_rate(result.all_in_focus, _aligned(planes, result))
            yield [kind.preset, stack, name, f"{100 * rate:.2f} %", "; ".join(result.notes)[:80]]


def _aligned(planes: Stack, result: FusionResult) -> Stack:
    """Return the planes as they were fused."""
    if result.alignment is None or result.window is None:
        return planes
    corrects = result.config.light == "output"
    found = stack_of_arrays(planes)
    aligned = AlignedStack(found, result.alignment, result.window, corrects_values=corrects)
    return np.stack([aligned.plane(z) for z in range(len(aligned))])


def _middle(stack: Any) -> Stack:
    starts = [max(0, (side - SIDE_PX) // 2) for side in stack.shape[1:3]]
    rows, columns = (slice(start, start + SIDE_PX) for start in starts)
    return np.stack([stack.plane(z)[rows, columns] for z in range(len(stack))])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=list(PRESETS), default=list(PRESETS))
    parser.add_argument("--seeds", type=int, default=3, help="stacks of each scene and motion")
    parser.add_argument("--stacks", type=Path, default=DEFAULT_STACKS, help="folder of real stacks")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    drawn, real = list[list[str]](), list[list[str]]()
    for kind in KINDS:
        if kind.preset in arguments.kinds:
            configs = {"default": FusionConfig(), kind.preset: PRESETS[kind.preset].config()}
            drawn += compare_rendered(kind, configs, arguments.seeds)
            real += compare_real(kind, configs, arguments.stacks)
    print(heading("Presets on rendered stacks of their kind"))
    heads = "kind", "what happens", "options", "PSNR dB, median", "worst", "far planes, median"
    print(table(heads, drawn))
    print(heading("Presets on real stacks"))
    print(table(("kind", "stack", "options", "false edges", "notes"), real))


if __name__ == "__main__":
    main()
