"""The values of the curves at a step, as the legend shows them."""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.plugin.training._legend import Numbers
from napari_umis_fusion.plugin.training._pages import CurveRow, Page
from napari_umis_fusion.training import LossCurve

Floats = NDArray[np.float64]


def numbers_at(
    step: int, row: CurveRow, page: Page, curve: LossCurve, bold: tuple[Floats, Floats] | None
) -> Numbers:
    """Return the values of a row, under the heads of its page.

    Parameters
    ----------
    step : int
        The step at which they are read, or the nearest that has a value.
    row : CurveRow
        The row.
    page : {"Loss", "Score", "Learning rate"}
        Its page.
    curve : LossCurve
        All numbers.
    bold : pair of ndarray of shape (N,), or None
        Steps and means of the smoothed curve, as it was drawn last.
    """
    validated = value_near(curve, row.validation, step)
    if page == "Score":
        return validated, value_near(curve, row.validation, curve.best_step)
    raw = value_near(curve, row.training, step)
    if page == "Learning rate":
        return (raw,)
    return raw, _drawn_near(bold, step), validated


def value_near(curve: LossCurve, name: str | None, step: float | None) -> float | None:
    """Return the value of a column nearest to a step; None where there is none."""
    found = None if name is None or step is None else curve.at(name, step)
    return None if found is None else found[1]


def _drawn_near(bold: tuple[Floats, Floats] | None, step: float) -> float | None:
    if bold is None or not len(bold[0]):
        return None
    steps, means = bold
    return float(means[np.abs(steps - step).argmin()])
