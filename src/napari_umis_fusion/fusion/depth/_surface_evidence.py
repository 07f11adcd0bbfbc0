"""Evidence for the surface: what shares and detail say about which of two planes it lies in.

Logarithms and tangents are numpy's, which take several values at once; numba's take one.
"""

import numpy as np

from napari_umis_fusion.fusion.decision import Bounds
from napari_umis_fusion.fusion.seams import UNDECIDED, SeamEvidence
from napari_umis_fusion.runtime import AnyArray, FloatMap, Tile, kernel

DETAIL_POWER = 25.0
"""Power of detail that is multiplied with shares. From 20 to 30, the errors of depth of rendered
stacks are the same; of lower powers, objects spread, of higher ones, noise decides."""

MOST_LEAD = 15.0
"""Lead in logarithms that detail can give. Without a limit, blur of bright things far away was
taken for detail where a surface has next to none."""

LEAST_DETAIL = 0.3
"""Grey levels below which detail is none, such as rounding to 8 bits leaves."""

NOISE_LEAD = 0.44
"""Difference of detail, per standard deviation of noise, that counts half: nearly three of its
own, so that noise leaves the decision to the network."""

LEAD_SCALE = 0.15
"""Lead in logarithms, times which its hyperbolic tangent says how sure it is."""

TINY = np.float32(1e-37)
"""Share of a plane that has none."""


def add_surface_evidence(
    shares: tuple[FloatMap, FloatMap],
    details: tuple[FloatMap, FloatMap],
    noise: FloatMap,
    seams: SeamEvidence,
    tile: Tile,
) -> None:
    """Fill a tile of the target and the evidence of seams.

    Parameters
    ----------
    shares : pair of ndarray of shape (Y, X)
        Of the new plane and of the chosen one; negative where they are invalid.
    details : pair of ndarray of shape (Y, X)
        Their detail, in grey levels.
    noise : ndarray of shape (Y, X)
        Standard deviation of the noise of planes; infinite where it is unknown yet.
    seams : SeamEvidence
        Its maps are filled.
    tile : Tile
        The part to fill.
    """
    window, least = tile.window, np.float32(LEAST_DETAIL)
    lead, of_detail = seams.target[window], seams.evidence[window]
    new, old = (np.maximum(one[window], TINY) for one in shares)
    _log_quotient(new, old, lead)
    new, old = (one[window] + least for one in details)
    _log_quotient(new, old, of_detail)
    maps = *details, noise, seams.target, seams.evidence
    _add_lead(*maps, tile.bounds)
    np.tanh(lead, out=lead)
    _weigh_lead(*shares, *details, seams.target, seams.evidence, tile.bounds)


def _log_quotient(new: FloatMap, old: FloatMap, out: FloatMap) -> None:
    with np.errstate(over="ignore", under="ignore", divide="ignore"):  # as large as can be told
        np.divide(new, old, out=out)
        np.log(out, out=out)


@kernel
def _add_lead(
    detail: AnyArray,
    chosen_detail: AnyArray,
    noise: AnyArray,
    target: AnyArray,
    evidence: AnyArray,
    bounds: Bounds,
) -> None:
    """Add the lead in detail to that in shares, as far as noise does not explain it.

    `target` and `evidence` hold the logarithms of shares and of detail, of the new plane relative
    to the chosen one; `target` becomes the lead, in units of its scale.
    """
    top, bottom, left, right = bounds
    power, most = np.float32(DETAIL_POWER), np.float32(MOST_LEAD)
    scale, counts_half = np.float32(LEAD_SCALE), np.float32(NOISE_LEAD)
    zero, tiny = np.float32(0), np.float32(TINY)
    for y in range(top, bottom):
        details, chosen_ones = detail[y, left:right], chosen_detail[y, left:right]
        deviation, logs = noise[y, left:right], evidence[y, left:right]
        lead = target[y, left:right]
        for i in range(right - left):
            gain = details[i] - chosen_ones[i]
            chance = counts_half * deviation[i] if deviation[i] < np.inf else zero
            sure = gain * gain / (gain * gain + chance * chance + tiny)
            lead[i] = scale * (lead[i] + min(max(power * logs[i] * sure, -most), most))


@kernel
def _weigh_lead(
    focus: AnyArray,
    chosen: AnyArray,
    detail: AnyArray,
    chosen_detail: AnyArray,
    target: AnyArray,
    evidence: AnyArray,
    bounds: Bounds,
) -> None:
    """Fill target and evidence, where `target` holds how sure the lead is, from -1 to 1."""
    top, bottom, left, right = bounds
    undecided, zero = np.float32(UNDECIDED), np.float32(0)
    for y in range(top, bottom):
        shares, others = focus[y, left:right], chosen[y, left:right]
        details, chosen_ones = detail[y, left:right], chosen_detail[y, left:right]
        wanted, weight = target[y, left:right], evidence[y, left:right]
        for i in range(right - left):
            trust = wanted[i]
            # The root: else the edge of an object in front holds what lies beside it.
            gain = np.sqrt(abs(details[i] - chosen_ones[i]))
            strength = gain * trust * trust + undecided
            # Invalid shares are negative.
            strength = undecided if (shares[i] < 0) | (others[i] < 0) else strength
            weight[i] = strength
            wanted[i] = strength if trust > zero else zero
