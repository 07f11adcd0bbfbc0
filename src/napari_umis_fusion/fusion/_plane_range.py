"""Fusion of some of the planes of a stack: a slab, whose maps count as the whole stack does."""

from dataclasses import replace
from typing import Any

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion.planes import copies_values
from napari_umis_fusion.fusion.result import (
    FusionResult,
    OverrideMap,
    check_nowhere_in_slab,
    describe_overrides,
)
from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.runtime import is_int
from napari_umis_fusion.stack import CroppedStack, Stack

EVERY = slice(None)


def slab_of(stack: Stack, planes: Any, config: FusionConfig) -> Stack:
    """Return the planes of a stack that are fused; the stack itself if these are all.

    Parameters
    ----------
    stack : Stack
        The whole stack.
    planes : (int, int) or None
        First and last plane, counted from 0; None: all.
    config : FusionConfig
        Options of the fusion.

    Raises
    ------
    ConfigError
        If the stack has no such planes, or what else is asked for needs all of them.
    """
    if planes is None:
        return stack
    is_pair = isinstance(planes, tuple | list) and len(planes) == 2 and all(map(is_int, planes))
    if not is_pair or not 0 <= planes[0] <= planes[1] < len(stack):
        raise ConfigError(
            f"planes={planes!r}; accepted are the first and the last plane to fuse, two whole "
            f"numbers from 0 to {len(stack) - 1}, the first not above the last."
        )
    first, last = planes
    if last - first + 1 == len(stack):
        return stack
    check_nowhere_in_slab(planes, config)
    return CroppedStack(stack, EVERY, EVERY, range(first, last + 1))


def overrides_within(overrides: OverrideMap, first: int, last: int) -> OverrideMap:
    """Return the overrides that name planes of a slab, counted from its first plane."""
    is_inside = (overrides > first) & (overrides <= last + 1)
    return np.where(is_inside, overrides, np.uint16(first)) - np.uint16(first)


def note_on_others(overrides: OverrideMap, first: int, last: int) -> list[str]:
    """Say how many overrides name planes that are not in a slab."""
    others = int(
        np.count_nonzero((overrides > last + 1) | ((overrides > 0) & (overrides <= first)))
    )
    if not others:
        return []
    return [
        f"{others} pixels were chosen by hand from planes other than {first} to {last}, which are "
        "not fused: there, all is as decided"
    ]


def counted_in(whole: Stack, result: FusionResult, first: int) -> FusionResult:
    """Return the result of a slab with planes counted as the whole stack counts them.

    Parameters
    ----------
    whole : Stack
        The whole stack, whose calibration tells where its planes are.
    result : FusionResult
        Of the slab.
    first : int
        The first plane of the slab.
    """
    healths = tuple(replace(one, z=one.z + first) for one in result.health)
    copies = copies_values(result.config)
    own = notes_on(result.health, copies=copies)
    others = [note for note in result.notes if note not in own]
    notes = (*others, *notes_on(healths, copies=copies))
    last = first + result.provenance["stack"]["shape"][0] - 1
    told = {**result.provenance, "planes": [first, last], "notes": list(notes)}
    if "health" in told:
        told["health"] = [one.describe() for one in healths if one.has_news]
    if result.overrides is not None:
        told["overrides"] = describe_overrides(_counted(result.overrides, first))
    offset, source_map = np.uint16(first), result.source_map
    return replace(
        result,
        index_map=result.index_map + offset,
        sub_plane_map=result.sub_plane_map + np.float32(first),
        source_map=None if source_map is None else source_map + offset,
        overrides=None if result.overrides is None else _counted(result.overrides, first),
        automatic=None if result.automatic is None else counted_in(whole, result.automatic, first),
        calibration=whole.calibration,
        provenance=told,
        notes=notes,
        health=healths,
    )


def _counted(overrides: OverrideMap, first: int) -> OverrideMap:
    """Return overrides of a slab as the whole stack counts planes."""
    return np.where(overrides > 0, overrides + np.uint16(first), np.uint16(0))
