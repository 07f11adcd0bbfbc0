"""Steps between planes, from their positions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FALLING = "the z step is negative: planes run from high to low z"
"""Note on a direction that depths do not show: steps are taken as positive."""

_EVEN = 0.02
"""Steps that differ from their mean by no more than this share of it are even."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """Steps between planes.

    Attributes
    ----------
    step_um : float or None
        Mean step, in µm; None if the positions do not rise or fall throughout.
    positions_um : tuple of float, or None
        Distance of each plane from the first, in µm; None for even steps.
    notes : tuple of str
        What the user should know about them.
    """

    step_um: float | None
    positions_um: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()


def spacing_of(positions_um: Sequence[float]) -> Spacing:
    """Return the steps between planes.

    Parameters
    ----------
    positions_um : sequence of float
        Position of each plane, in µm, on any scale.

    Returns
    -------
    Spacing
        Steps are positive; a note says if the positions fall.

    Examples
    --------
    >>> spacing_of([10.0, 10.5, 11.0]).step_um, spacing_of([0.0, 1.0, 3.0]).positions_um
    (0.5, (0.0, 1.0, 3.0))
    """
    places = np.asarray(positions_um, np.float64)
    if len(places) < 2:
        return Spacing(None)
    steps = np.diff(places)
    if not np.isfinite(places).all() or not (np.all(steps > 0) or np.all(steps < 0)):
        told = "the positions of the planes neither rise nor fall throughout; they are not used"
        return Spacing(None, notes=(told,))
    notes = () if steps[0] > 0 else ("planes run from high to low z; steps are taken as positive",)
    sizes = np.abs(steps)
    mean = float(sizes.mean())
    if np.abs(sizes - mean).max() <= _EVEN * mean:
        return Spacing(round(mean, 9), None, notes)
    uneven = f"steps between planes differ, {sizes.min():.4g} to {sizes.max():.4g} µm; depths"
    distances = tuple(float(one) for one in np.abs(places - places[0]))
    return Spacing(round(mean, 9), distances, (*notes, f"{uneven} follow the positions"))
