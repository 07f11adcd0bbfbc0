"""Overrides of the decision: the result follows them where they changed, and nowhere else."""

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_umis_fusion.alignment import AlignedStack
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.fusion.result._override_map import OverrideMap, fit_overrides, planes_in
from napari_umis_fusion.fusion.result._override_part import OverriddenPart, Overrider
from napari_umis_fusion.stack import Stack, mask_stack

if TYPE_CHECKING:
    from napari_umis_fusion.fusion.result._result import FusionResult


def stack_of(result: "FusionResult", stack: Any) -> Stack:
    """Return a stack as its planes were aligned for a result.

    Raises
    ------
    StackError
        If its planes differ from the result in shape or dtype, or the result is an aligned slab.
    """
    opened, config = as_stack(stack), result.config
    slab = result.provenance.get("planes")
    if slab is not None and result.alignment is not None and opened.alignment is None:
        raise StackError(
            f"got a result of planes {slab[0]} to {slab[1]}, of which alone it is known how they "
            f"were aligned; accepted are results of whole stacks. Fuse again: fuse(stack, planes="
            f"({slab[0]}, {slab[1]}), overrides=...)."
        )
    if result.alignment is not None and opened.alignment is None:
        opened = AlignedStack(
            mask_stack(opened, config.empty),
            result.alignment,
            result.window,
            corrects_values=config.light == "output",
        )
    image = result.all_in_focus
    if opened.shape[1:] != image.shape or opened.dtype != image.dtype:
        msg = (
            f"the planes are {opened.shape[1:]} {opened.dtype}, but the result is {image.shape} "
            f"{image.dtype}; give the stack that was fused."
        )
        raise StackError(msg)
    return opened if result.alignment is not None else mask_stack(opened, config.empty)


def override(result: "FusionResult", stack: Stack, overrides: OverrideMap) -> "FusionResult":
    """Return a result with overrides instead of those that it has.

    Parameters
    ----------
    result : FusionResult
        Not changed.
    stack : Stack
        As `stack_of` returns it, or as it was fused.
    overrides : ndarray of shape (Y, X), uint16
        Of the result or of the whole planes; see `load_overrides`.

    Raises
    ------
    ConfigError
        If they have another size.
    """
    automatic = result if result.automatic is None else result.automatic
    wanted = fit_overrides(overrides, result.index_map.shape, result.window)
    before = np.zeros_like(wanted) if result.overrides is None else result.overrides
    overrider = Overrider(stack, automatic.all_in_focus, result.config, result.health)
    box = overrider.dirty_box(before, wanted)
    if box is None:
        return result
    part = overrider.part(wanted, box)
    accepted = wanted.copy()
    accepted[box][part.refused] = 0
    if not accepted.any() and not part.refused.any():
        return automatic
    return _described(_patched(result, automatic, part, accepted), automatic, wanted, accepted)


def _patched(
    result: "FusionResult", automatic: "FusionResult", part: OverriddenPart, accepted: OverrideMap
) -> "FusionResult":
    """Return a copy of the result with a rectangle of it changed."""
    box, held = part.box, part.held
    planes = accepted[box][held] - np.uint16(1)
    # Another decision, of which the person is sure.
    said = {
        "index_map": planes,
        "sub_plane_map": planes,
        "confidence_map": 1,
        **({"source_map": planes} if result.source_map is not None else {}),
        **({"sub_plane_error_map": np.nan} if result.sub_plane_error_map is not None else {}),
    }
    changed: dict[str, Any] = {}
    for name, values in said.items():
        whole = changed[name] = getattr(result, name).copy()
        whole[box] = getattr(automatic, name)[box]
        whole[box][held] = values
    image = result.all_in_focus.copy()
    image[box] = part.image
    return replace(result, all_in_focus=image, overrides=accepted, automatic=automatic, **changed)


def _described(
    result: "FusionResult",
    automatic: "FusionResult",
    wanted: OverrideMap,
    accepted: OverrideMap,
) -> "FusionResult":
    """Return the result with what was overridden in its notes and provenance."""
    pixels, refused = np.count_nonzero(accepted), int(np.count_nonzero(wanted != accepted))
    notes = [*automatic.notes, f"{pixels} pixels are taken from planes that were chosen by hand"]
    if refused:
        empty = ", ".join(map(str, planes_in(wanted[wanted != accepted])))
        notes.append(
            f"{refused} pixels of the overrides stay automatic: their planes ({empty}) show "
            "nothing there"
        )
    return replace(
        result,
        notes=tuple(notes),
        provenance={
            **automatic.provenance,
            "overrides": describe_overrides(accepted, refused),
            "notes": notes,
        },
    )


def describe_overrides(accepted: OverrideMap, refused: int = 0) -> dict[str, Any]:
    """Return how many pixels are overridden by which plane, and a hash of all, as JSON values."""
    counts = np.bincount(accepted.ravel())
    planes = {str(k - 1): int(n) for k, n in enumerate(counts) if k and n}
    data = np.ascontiguousarray(accepted.astype("<u2"))
    return {
        "pixels": int(np.count_nonzero(accepted)),
        "planes": planes,
        "refused": refused,
        "sha256": hashlib.sha256(data.tobytes()).hexdigest(),
    }
