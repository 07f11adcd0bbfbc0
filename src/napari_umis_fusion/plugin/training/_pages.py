"""Pages of the training chart: which curves each shows, and their names."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from napari_umis_fusion.training import VALIDATION

Page = Literal["Loss", "Score", "Learning rate"]
PAGES: tuple[Page, ...] = get_args(Page)

AXES: dict[Page, str] = {"Loss": "loss", "Score": "PSNR (dB)", "Learning rate": "learning rate"}

WAITING: dict[Page, str] = {
    "Loss": "The loss of each step appears here once the training runs.",
    "Score": "PSNR appears here after the first validation.",
    "Learning rate": "The learning rate of each step appears here once the training runs.",
}
"""Message of an empty page."""

_RATE, _TOTAL, _LOSS, _PSNR = "learning_rate", "total", "loss", "psnr"


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One quantity, measured in training, in validation or in both.

    Attributes
    ----------
    words : str
        Name in the legend.
    training, validation : str or None
        Columns of a `LossCurve`.
    """

    words: str
    training: str | None = None
    validation: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of both that exist."""
        return tuple(name for name in (self.training, self.validation) if name is not None)


def curve_rows(page: Page, columns: Iterable[str]) -> list[CurveRow]:
    """Return the rows of a page, given the columns of a `LossCurve`.

    Parameters
    ----------
    page : {"Loss", "Score", "Learning rate"}
        'Loss': the total first, then its terms, each with the validation value of that name.
        'Score': validation scores in dB, PSNR first.
    columns : iterable of str
        Names in order of their appearance.
    """
    names = list(columns)
    if page == "Learning rate":
        return [CurveRow("learning rate", _RATE)] if _RATE in names else []
    if page == "Score":
        metrics = [name for name in names if name.startswith(VALIDATION + _PSNR)]
        metrics.sort(key=lambda name: name != VALIDATION + _PSNR)
        return [CurveRow(_words(name), validation=name) for name in metrics]
    losses = [name for name in names if name != _RATE and not name.startswith(VALIDATION)]
    losses.sort(key=lambda name: name != _TOTAL)
    partners = {name: VALIDATION + (_LOSS if name == _TOTAL else name) for name in losses}
    return [
        CurveRow(_words(name), name, partners[name] if partners[name] in names else None)
        for name in losses
    ]


def heads_of(page: Page, best_step: int | None) -> tuple[str, ...]:
    """Return the column heads of the values in the legend."""
    if page == "Loss":
        return "raw", "smoothed", "validation"
    if page == "Score":
        return "validation", "best" if best_step is None else f"best: step {best_step:,}"
    return ("",)


def _words(name: str) -> str:
    return name.removeprefix(VALIDATION).replace("_", " ").replace(_PSNR, "PSNR")
