"""What alignment costs beside the fusion: medians of calls in this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from harness.methods import parse_config
from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a fusion without alignment, and with it: per way to align."""

    stack: str
    fusion_s: float
    aligned_s: dict[str, float]

    def share(self, align: str) -> float:
        """Return the time that alignment adds, as a multiple of the fusion's."""
        return self.aligned_s[align] / self.fusion_s - 1


def cost(name: str, stack: NDArray[Any], text: str, ways: Sequence[str], repeats: int) -> Cost:
    """Time the configuration `text` by each way to align, interleaved, after one warm round."""
    config = parse_config(text)
    ways = [way for way in ways if _is_known(way, stack, config)]
    taken: dict[str, list[float]] = {way: [] for way in ("none", *ways)}
    for round_ in range(repeats + 1):
        for way, found in taken.items():
            options = {} if way == "none" else {"align": way}
            start = perf_counter()
            fuse(stack, config, **options)
            if round_:
                found.append(perf_counter() - start)
    medians = {way: median(found) for way, found in taken.items()}
    return Cost(name, medians.pop("none"), medians)


def _is_known(align: str, stack: NDArray[Any], config: FusionConfig) -> bool:
    try:
        fuse(stack[:2], config, align=align)
    except ConfigError:
        return False
    return True
