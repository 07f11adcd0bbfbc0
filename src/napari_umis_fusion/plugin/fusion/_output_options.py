"""Which layers a fusion adds, and what a second one does with them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from napari_umis_fusion.runtime import check_fields, choice

Again = Literal["renews these layers", "adds layers"]

_MAPS = ("index_map", "depth_map", "confidence_map", "source_map")


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """The layers that come of a fusion; label and help of each field stand in its metadata."""

    index_map: bool = field(
        default=True, metadata={"help": "which plane is in focus at each pixel"}
    )
    depth_map: bool = field(
        default=True,
        metadata={
            "help": "depth below plane 0, between planes too, in the unit of the layer; only where "
            "the layer has a scale along z"
        },
    )
    confidence_map: bool = field(
        default=True,
        metadata={"help": "how far the chosen plane stands out from the next best, 0 to 1"},
    )
    source_map: bool = field(
        default=False,
        metadata={"help": "which plane each value was copied from; only with the blend 'select'"},
    )
    labels: bool = field(
        default=False,
        metadata={
            "help": "as a labels layer instead of an image",
            "label": "index map as labels",
        },
    )
    keep_axes: bool = field(
        default=True,
        metadata={
            "help": "with time or positions before z, keep z as an axis with one thick plane, so "
            "that each slider moves the same axis of stack and image",
            "label": "line up with the stack's sliders",
        },
    )
    again: Again = field(
        default="renews these layers",
        metadata=choice(
            Again, "only layers that this widget made are ever renewed", label="a second run"
        ),
    )

    def __post_init__(self) -> None:
        """Check every field against its metadata."""
        check_fields(self)

    @property
    def renews(self) -> bool:
        """Whether a second run renews the layers of the first."""
        return self.again == "renews these layers"

    @property
    def shown(self) -> list[str]:
        """Which outputs become layers."""
        return ["all_in_focus", *(name for name in _MAPS if getattr(self, name))]

    def plan_options(self, axes: Any) -> dict[str, Any]:
        """Return options of `LayerPlan`; maps that a click asks for are always made."""
        outputs = dict.fromkeys([*self.shown, "index_map", "source_map"])
        shifted = any(axis < axes.z for axis in axes.outer)
        return {
            "outputs": tuple(outputs),
            "labels": self.labels,
            "keep_axes": self.keep_axes and shifted,
        }
