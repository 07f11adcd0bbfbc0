"""Which layers a fusion adds, and what a second one does with them."""

from typing import Any

from magicgui.widgets import CheckBox, ComboBox

from napari_umis_fusion.plugin.widgets._rows import Rows

_RENEW, _ADD = "renews these layers", "adds layers"


class OutputForm(Rows):
    """Rows for the layers that come of a fusion."""

    def __init__(self) -> None:
        def row(name: str, text: str, value: bool, tooltip: str) -> CheckBox:
            return CheckBox(name=name, text=text, value=value, tooltip=tooltip)

        rows = [
            row("index_map", "index map", True, "Which plane is in focus at each pixel."),
            row(
                "depth_map",
                "depth map",
                True,
                "Depth below plane 0, between planes too, in the unit of the layer; only where "
                "the layer has a scale along z.",
            ),
            row(
                "confidence_map",
                "confidence map",
                True,
                "How far the chosen plane stands out from the next best, 0 to 1.",
            ),
            row(
                "source_map",
                "source map",
                False,
                "Which plane each value was copied from; only with the blend 'select'.",
            ),
            row("labels", "index map as labels", False, "As a labels layer instead of an image."),
            row(
                "keep_axes",
                "line up with the stack's sliders",
                True,
                "With time or positions before z, keep z as an axis with one thick plane, so that "
                "each slider moves the same axis of stack and image.",
            ),
        ]
        self._again = ComboBox(
            name="again",
            label="a second run",
            choices=[_RENEW, _ADD],
            tooltip="Only layers that this widget made are ever renewed.",
        )
        super().__init__([*rows, self._again])

    @property
    def update(self) -> bool:
        """Whether a second run renews the layers of the first."""
        return bool(self._again.value == _RENEW)

    @update.setter
    def update(self, update: bool) -> None:
        self._again.value = _RENEW if update else _ADD

    def shown(self) -> list[str]:
        """Return which outputs become layers."""
        maps = ("index_map", "depth_map", "confidence_map", "source_map")
        return ["all_in_focus", *(name for name in maps if self[name].value)]

    def options(self, axes: Any) -> dict[str, Any]:
        """Return options of `LayerPlan`; maps that a click asks for are always made."""
        outputs = dict.fromkeys([*self.shown(), "index_map", "source_map"])
        shifted = any(axis < axes.z for axis in axes.outer)
        return {
            "outputs": tuple(outputs),
            "labels": bool(self["labels"].value),
            "keep_axes": bool(self["keep_axes"].value) and shifted,
        }
