"""Values of the image where no plane shows detail: the mean of all planes, one plane, or none."""

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig, NanPolicy
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion.result._result import FusionResult
from napari_umis_fusion.runtime import BoolMap, Progress, Workers, repeat_event
from napari_umis_fusion.stack import CheckedPlane, Plane, Stack, read_plane

EXACT = (np.uint8, np.uint16)
"""Dtypes of which the sums of all planes that are accepted fit into 32 bits."""

PART_PX = 2**18
"""Pixels whose means are computed at a time."""

_SAID = {
    "mean": "are the mean of all planes",
    "plane": "are copied from plane {}",
    "none": "are left without a value",
}


def check_nowhere(stack: Stack, config: FusionConfig) -> None:
    """Refuse a plane that the stack does not have; raises `ConfigError`."""
    if config.nowhere == "plane" and config.nowhere_plane >= len(stack):
        raise ConfigError(
            f"nowhere_plane={config.nowhere_plane}; the stack has planes 0 to {len(stack) - 1}."
        )


def check_nowhere_in_slab(planes: tuple[int, int], config: FusionConfig) -> None:
    """Refuse a plane for what is never in focus where the planes of a slab have other numbers.

    Parameters
    ----------
    planes : (int, int)
        First and last plane of the slab.
    config : FusionConfig
        Options of the fusion.

    Raises
    ------
    ConfigError
        With ``nowhere="plane"``.
    """
    if config.nowhere == "plane":
        raise ConfigError(
            f"nowhere='plane' with planes={planes!r}; accepted are 'decided', 'mean' and 'none'. "
            "Choose one of them, or fuse all planes."
        )


def iter_fill_nowhere(
    stack: Stack, sound: Stack, result: FusionResult, config: FusionConfig, workers: Workers
) -> Generator[Progress, None, FusionResult]:
    """Fill the image where nothing is in focus, as the config says; all maps stay.

    Parameters
    ----------
    stack : Stack
        The aligned stack, of which a plane may be asked for.
    sound : Stack
        The same as recorded, without what is not sound; its planes are read once more for the mean.
    result : FusionResult
        The result; its image is changed in place.
    config : FusionConfig
        With `nowhere`: "decided", "mean", "plane" or "none".
    workers : Workers
        Threads to run on.

    Yields
    ------
    Progress
        While planes are read.
    """
    if config.nowhere == "decided":
        return result
    never = result.never_in_focus()
    if not never.any():
        return result
    event = Progress("verifying", len(stack), len(stack))
    image = result.all_in_focus
    if config.nowhere == "none":
        image[never] = np.nan if image.dtype.kind == "f" else 0
    else:
        is_mean = config.nowhere == "mean"
        planes = range(len(sound)) if is_mean else (config.nowhere_plane,)
        source = sound if is_mean else stack
        reading = _iter_mean(source, planes, config.nan_policy, workers, never)
        values, known = yield from repeat_event(reading, event)
        # Where the chosen planes show nothing, the decided values stay.
        image[_part(never, known)] = values[known]
        if config.nowhere == "plane" and result.source_map is not None:
            source_map = result.source_map.copy()  # it may be the index map itself
            source_map[_part(never, known)] = config.nowhere_plane
            result = replace(result, source_map=source_map)
    said = _SAID[config.nowhere].format(config.nowhere_plane)
    note = f"{100 * float(never.mean()):.0f} % of the image, never in focus, {said}"
    return result.with_notes(note)


def _part(never: BoolMap, known: NDArray[np.bool_]) -> BoolMap:
    part = never.copy()
    part[never] = known
    return part


def _iter_mean(
    stack: Stack, planes: Iterable[int], policy: NanPolicy, workers: Workers, never: BoolMap
) -> Generator[None, None, tuple[Plane, NDArray[np.bool_]]]:
    """Return the mean of planes at the marked pixels, and where it is known."""
    sums = np.uint32 if stack.dtype.type in EXACT else np.float64
    total = np.zeros((int(never.sum()), *stack.shape[3:]), sums)
    count = np.zeros(len(total), np.uint32)
    for z in planes:
        reading = workers.submit(read_plane, stack, z, policy)
        checked = yield from workers.result(reading)
        known = _known(checked, never)
        np.add(total, checked.plane[never], out=total, where=_wide(known, total))
        count += known
    return _means(total, count, stack.dtype), count > 0


def _means(total: NDArray[Any], count: NDArray[np.uint32], dtype: np.dtype[Any]) -> Plane:
    """Return the means of pixels, of which few are computed at a time."""
    means = np.empty(total.shape, dtype)
    for start in range(0, len(total), PART_PX):
        part = slice(start, start + PART_PX)
        mean = total[part] / _wide(np.maximum(count[part], 1), total)
        means[part] = np.rint(mean) if dtype.kind in "iub" else mean
    return means


def _wide(values: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    """Return values of pixels, for all channels of pixels like others."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _known(checked: CheckedPlane, never: BoolMap) -> NDArray[np.bool_]:
    if checked.invalid is None:
        return np.ones(int(never.sum()), bool)
    return ~checked.invalid[never]
