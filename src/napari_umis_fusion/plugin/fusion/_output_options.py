"""Which layers a fusion adds, and what happens to those of the fusion before."""

from dataclasses import dataclass, field
from typing import Any, Literal

from napari_umis_fusion.fusion import DepthFill
from napari_umis_fusion.runtime import ConfigBase, choice

Again = Literal["replace", "keep"]

_MAPS = (
    "index_map",
    "depth_map",
    "depth_error_map",
    "confidence_map",
    "source_map",
    "never_in_focus",
)


@dataclass(frozen=True, slots=True)
class OutputOptions(ConfigBase):
    """The layers that a fusion adds; the metadata of each field holds its label and help."""

    index_map: bool = field(default=True, metadata={"help": "The plane in focus at each pixel."})
    depth_map: bool = field(
        default=True,
        metadata={
            "help": "Depth below plane 0, interpolated between planes, in the unit of the layer. "
            "Needs a layer with a scale along z."
        },
    )
    depth_error_map: bool = field(
        default=False,
        metadata={
            "help": "Standard error of the depth, from noise and slope, in the unit of the layer. "
            "Not with 'umis'.",
            "label": "error of depth",
        },
    )
    confidence_map: bool = field(
        default=True,
        metadata={"help": "How far the chosen plane stands out from the second best, from 0 to 1."},
    )
    source_map: bool = field(
        default=False,
        metadata={"help": "Plane from which each value was copied. Needs the blend 'select'."},
    )
    never_in_focus: bool = field(
        default=False,
        metadata={
            "help": "Mark where no plane shows detail, in a labels layer. Under Result, a slider "
            "moves the threshold."
        },
    )
    depth_fill: DepthFill = field(
        default="decided",
        metadata=choice(
            DepthFill,
            "Depth where no plane shows detail: 'decided' as it was decided, 'around' interpolated "
            "from around, 'none' no value (NaN).",
            label="depth, never in focus",
            used_when=("depth_map", (True,)),
        ),
    )
    labels: bool = field(
        default=False,
        metadata={
            "help": "Add the index map as a labels layer instead of an image.",
            "label": "index map as labels",
        },
    )
    keep_axes: bool = field(
        default=True,
        metadata={
            "help": "If time or positions come before z, keep z as an axis with one thick plane, "
            "so that each slider moves the same axis of stack and image.",
            "label": "match the sliders of the stack",
        },
    )
    again: Again = field(
        default="replace",
        metadata=choice(
            Again, "Only layers that this widget added are replaced.", label="existing results"
        ),
    )

    @property
    def renews(self) -> bool:
        """Whether a second fusion replaces the layers of the first."""
        return self.again == "replace"

    @property
    def shown(self) -> list[str]:
        """Outputs that become layers."""
        return ["all_in_focus", *(name for name in _MAPS if getattr(self, name))]

    def plan_options(self, axes: Any) -> dict[str, Any]:
        """Return options of `LayerPlan`."""
        # a click on a pixel needs two of these maps, and the threshold of focus the third
        outputs = dict.fromkeys([*self.shown, "index_map", "source_map", "focus_map"])
        shifted = any(axis < axes.z for axis in axes.outer)
        return {
            "outputs": tuple(outputs),
            "labels": self.labels,
            "depth_fill": self.depth_fill,
            "keep_axes": self.keep_axes and shifted,
        }
