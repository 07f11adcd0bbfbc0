"""How often autofocus finds focus, misses it or refuses, for each measure and each search.

Random scenes on the simulated microscope, with the photon noise and the flicker of a lamp.
See ``README.md`` for what the tables mean. Everything printed is Markdown.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from napari_umis_fusion.errors import AutofocusError
from napari_umis_fusion.live import (
    AutofocusConfig,
    Optics,
    autofocus,
    simulated_core,
)
from napari_umis_fusion.synthetic import SCENES, Scene, make_scene

RANGE_UM = 50.0
SIDE_PX = 128
FAST_UM_S = 1e6

MEASURES: tuple[str, ...] = get_args(AutofocusConfig.__annotations__["measure"])
SEARCHES: tuple[str, ...] = get_args(AutofocusConfig.__annotations__["search"])
OPTICS = Optics()


@dataclass(frozen=True)
class Sample:
    """A flat scene at a height, and how the microscope looks at it."""

    seed: int
    true_um: float
    exposure_ms: float
    flicker: float
    name: str

    @classmethod
    def draw(cls, seed: int) -> "Sample":
        """Draw the height within 80 % of the range, 30 to 3000 electrons, and 0 to 3 % flicker."""
        rng = np.random.default_rng(seed)
        height = rng.uniform(-0.4, 0.4) * RANGE_UM
        exposure = 0.03 * 10 ** rng.uniform(0, 2)
        return cls(seed, height, exposure, rng.uniform(0, 0.03), list(SCENES)[seed % len(SCENES)])

    def core(self, seen: bool = True) -> Any:
        """Return a microscope that looks at it, or at nothing."""
        flat = make_scene(self.name, (SIDE_PX, SIDE_PX), planes=1, channels=None, seed=self.seed)
        layers = (replace(layer, depth=self.true_um) for layer in flat.layers)
        scene = replace(flat, layers=tuple(layers))
        if not seen:
            level = np.full((SIDE_PX, SIDE_PX), scene.all_in_focus().mean(), np.float32)
            scene = Scene.from_depth(level, 0.0)
        core = simulated_core(
            scene,
            seed=self.seed,
            flicker=self.flicker,
            exposure_ms=self.exposure_ms,
            um_per_plane=1.0,
        )
        core.setProperty("Focus", "Speed-um_s", FAST_UM_S)
        return core


@dataclass(frozen=True)
class Found:
    """What an autofocus found: off the truth by, with its uncertainty; None if it refused."""

    off_um: float | None
    uncertainty_um: float
    frames: int


Table = dict[tuple[str, str], list[Found]]
"""What was found with each measure and search."""


def find(core: Any, sample: Sample, **options: Any) -> Found:
    """Search for focus from height 0."""
    core.setPosition(0.0)
    core.waitForDevice("Focus")
    try:
        result = autofocus(core, range_um=RANGE_UM, **options)
    except AutofocusError as refused:
        return Found(None, 0.0, len(refused.values))
    return Found(result.height_um - sample.true_um, result.uncertainty_um, result.frames)


def share(found: list[Found], counts: Any) -> float:
    """Return the percentage of the searches that count."""
    return 100 * float(np.mean([counts(one) for one in found]))


def is_wrong(one: Found) -> bool:
    """Whether the height is off by more than half of the depth of field."""
    return one.off_um is not None and abs(one.off_um) > OPTICS.depth_of_field_um / 2


def is_precise(one: Found) -> bool:
    """Whether the height is off by at most a tenth of the depth of field."""
    return one.off_um is not None and abs(one.off_um) <= OPTICS.depth_of_field_um / 10


def measured(samples: list[Sample], measures: tuple[str, ...]) -> Table:
    """Search for focus in every scene with every measure and search."""
    table: Table = {}
    for sample in samples:
        core = sample.core()
        for measure in measures:
            for search in SEARCHES:
                found = find(core, sample, measure=measure, search=search)
                table.setdefault((measure, search), []).append(found)
    return table


def cell(found: list[Found]) -> str:
    """Return wrong, refused and precise, in percent."""
    refused = share(found, lambda one: one.off_um is None)
    return f"{share(found, is_wrong):.1f} / {refused:.1f} / {share(found, is_precise):.1f}"


def rows(table: Table, measures: tuple[str, ...]) -> Iterator[str]:
    """Yield the rows of the table of measures and searches."""
    yield "| measure | " + " | ".join(f"`{search}`" for search in SEARCHES) + " |"
    yield "|---" * (1 + len(SEARCHES)) + "|"
    for measure in measures:
        cells = " | ".join(cell(table[measure, search]) for search in SEARCHES)
        yield f"| `{measure}` | {cells} |"


def searches(table: Table, measure: str) -> Iterator[str]:
    """Yield what each search costs and how it errs, with one measure."""
    yield "| search | pictures, most | median error | 95 % | 99 % | error over 2 uncertainties |"
    yield "|---|---|---|---|---|---|"
    for search in SEARCHES:
        good = [one for one in table[measure, search] if one.off_um is not None]
        off = np.abs([one.off_um for one in good]) / OPTICS.depth_of_field_um
        beyond = np.mean([abs(one.off_um or 0.0) > 2 * one.uncertainty_um for one in good])
        half, most, nearly_all = np.quantile(off, (0.5, 0.95, 0.99))
        errors = f"{half:.3f} | {most:.3f} | {nearly_all:.3f} | {beyond:.1%}"
        yield f"| `{search}` | {max(one.frames for one in good)} | {errors} |"


def speed(sides: tuple[int, ...]) -> Iterator[str]:
    """Yield how long the camera takes for a frame that is new to it, and for one that is not."""
    yield "| pixels | scene | new height | height seen before |"
    yield "|---|---|---|---|"
    for side in sides:
        for scene in ("fluorescence", "bumps", "discs"):
            core = simulated_core(scene, shape=(side, side), exposure_ms=0.1)
            core.snap()
            new, again = [], []
            for height in np.linspace(1, 26, 9):
                core.setPosition(float(height))
                core.waitForDevice("Focus")
                for times in (new, again):
                    before = time.perf_counter()
                    core.snap()
                    times.append(1000 * (time.perf_counter() - before))
            yield f"| {side} x {side} | `{scene}` | {np.median(new):.0f} | {np.median(again):.0f} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=200, help="number of random scenes")
    parser.add_argument("--measures", nargs="+", default=MEASURES, choices=MEASURES)
    parser.add_argument("--quick", action="store_true", help="2 scenes, small frames")
    options = parser.parse_args()
    count = 2 if options.quick else options.scenes
    samples = [Sample.draw(seed) for seed in range(count)]
    measures = tuple(options.measures)
    table = measured(samples, measures)
    print(f"Wrong / refused / within a tenth of the depth of field, % of {count} scenes.\n")
    print("\n".join(rows(table, measures)))
    print(f"\nWith `{measures[0]}`, errors in depths of field.\n")
    print("\n".join(searches(table, measures[0])))
    accepted = [
        find(sample.core(seen=False), sample, search=search).off_um is not None
        for sample in samples
        for search in SEARCHES
    ]
    print(f"\nNothing to see: accepted {sum(accepted)} of {len(accepted)}.")
    print("\nMilliseconds per frame of the simulated camera.\n")
    print("\n".join(speed((128,) if options.quick else (512, 1024))))


if __name__ == "__main__":
    main()
