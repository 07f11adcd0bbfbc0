"""Planes that show something else than those around, by what they show."""

from collections.abc import Sequence

from napari_umis_fusion.preprocess.health._foreign import is_foreign
from napari_umis_fusion.preprocess.health._hidden_detail import least_other
from napari_umis_fusion.preprocess.health._lost_parts import LostParts
from napari_umis_fusion.preprocess.health._neighbours import Side
from napari_umis_fusion.preprocess.health._own_detail import has_own_detail
from napari_umis_fusion.preprocess.health._plane_health import Finding
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics, Table
from napari_umis_fusion.preprocess.health._tint import is_tinted
from napari_umis_fusion.preprocess.health._unlike import has_odd_lines, is_noisy, is_unlike

LIGHTS: frozenset[Finding] = frozenset(("exposure", "tint"))
"""Findings that change the light of a plane, and nothing of what it shows."""


def only_lit_otherwise(findings: Sequence[Finding]) -> bool:
    """Whether a plane shows what it should at its places, as far as is known."""
    return LIGHTS.issuperset(findings)


def kinds_told(
    plane: PlaneStatistics,
    before: Side,
    after: Side,
    other: float,
) -> list[Finding]:
    """Return what is only told: it may be a thin layer, such as a net."""
    told: list[Finding] = []
    if other > least_other(before, after)[0] or has_own_detail(plane, before, after):
        told.append("own detail")
    if is_tinted(plane, before, after):
        told.append("tint")
    return told


def kind_left_out(
    plane: PlaneStatistics,
    lit: PlaneStatistics,
    before: Side,
    after: Side,
    lost: LostParts,
    tiles: Table,
    other: float,
    *,
    is_aligned: bool,
) -> Finding | None:
    """Return why a plane shows something else than those around; None if it does not."""
    if is_unlike(lit, before, after, tiles):
        return "unlike"
    if not is_aligned and is_foreign(plane, before, after, tiles):
        return "unlike"
    if is_noisy(plane, before, after):
        return "noisy"
    if not (lost.is_padded or lost.gaps) and has_odd_lines(plane, before, after):
        return "lines"
    return "own detail" if other > least_other(before, after)[1] else None
