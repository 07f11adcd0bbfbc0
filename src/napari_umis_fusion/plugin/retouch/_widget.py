"""The retouch widget: paint planes over the result."""

from typing import Any

from qtpy.QtWidgets import QGridLayout, QVBoxLayout

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.fusion import carry_over
from napari_umis_fusion.plugin._warm_up import warm_up
from napari_umis_fusion.plugin.fusion import Shortcuts
from napari_umis_fusion.plugin.retouch._blink import Blink
from napari_umis_fusion.plugin.retouch._pick import PlanePick
from napari_umis_fusion.plugin.retouch._session import RetouchSession
from napari_umis_fusion.plugin.widgets import DockedWidget, Message, push_buttons, release_all
from napari_umis_fusion.runtime import sentence_of

BLINK = "B"
"""The key of before / after."""

BEGUN = (
    "Move the z slider to the plane that is right, and paint: the result takes it from there. The "
    "eraser gives back what was decided; Ctrl+Z undoes a stroke."
)
HINT = f"Select a stack that was fused, or its result, and begin. {BEGUN}"
BUTTONS = {
    "begin": ("Retouch the result", "Add a layer of overrides over the result, and paint in it."),
    "pick": (
        "Pick the plane by clicking",
        "Click on the picture: the z slider moves to the plane that is most in focus there.",
    ),
    "blink": (
        "Before / after",
        f"Show the result as decided, the plane, and the retouched result in turn (key {BLINK}).",
    ),
    "carry": (
        "Carry over in time",
        "Give what is painted at two time points to those between: the same plane, or planes in "
        "between. What you painted stays; Ctrl+Z takes it back.",
    ),
    "clear": ("Restore all", "Erase all overrides; Ctrl+Z brings them back."),
}


class RetouchWidget(DockedWidget):
    """Retouches a result by a layer of overrides.

    Parameters
    ----------
    napari_viewer : napari viewer
        Viewer with a stack that was fused there.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.session = RetouchSession(self._viewer)
        self.pick = PlanePick(self._viewer, self.session)
        self.blink = Blink(self._viewer, self.session)
        self.buttons = push_buttons(BUTTONS)
        self.status = Message(HINT)
        self.keys = Shortcuts(self._viewer, {BLINK: self.step})
        self._lay_out()
        self._connect()
        self._enable()
        warm_up()

    @staticmethod
    def _release(parts: dict[str, Any]) -> None:
        release_all(parts, ("keys", "blink", "pick", "session"))

    def begin(self) -> None:
        """Retouch the result of the active layer."""
        try:
            self.session.begin(self._viewer.layers.selection.active)
        except UmisFusionError as error:
            self._tell(sentence_of(error))
            return
        layer = self.session.layer
        self._viewer.layers.selection.active = layer
        layer.mode = "paint"
        self._tell(BEGUN)

    def step(self) -> None:
        """Show the next of: as decided, the plane, retouched."""
        self._tell(self.blink.step())

    def carry_over(self) -> None:
        """Carry what is painted at two time points over to those between, as one step."""
        layer, retouched = self.session.layer, self.session.retouched
        axis = None if retouched is None else retouched.time_axis
        if axis is None:
            self._tell("These overrides have one time point: there is nothing between.")
            return
        found = carry_over(layer.data, axis)
        changed = (found != layer.data).nonzero()
        if not changed[0].size:
            self._tell("Paint the same place at two time points that have others between them.")
            return
        layer.data_setitem(changed, found[changed])
        self.session.follow_all()
        times = len(set(changed[axis].tolist()))
        self._tell(f"{changed[0].size} pixels were carried over, to {times} time points.")

    def clear(self) -> None:
        """Erase all overrides, as one step that can be undone."""
        layer = self.session.layer
        painted = layer.data.nonzero()
        if painted[0].size:
            layer.data_setitem(painted, 0)

    def _lay_out(self) -> None:
        self.buttons["pick"].setCheckable(True)
        column, grid = QVBoxLayout(self), QGridLayout()
        for place, button in enumerate(self.buttons.values()):
            grid.addWidget(button, place // 2, place % 2)
        column.addLayout(grid)
        column.addWidget(self.status)
        column.addStretch(1)

    def _connect(self) -> None:
        self.buttons["begin"].clicked.connect(self.begin)
        self.buttons["pick"].toggled.connect(self.pick.listen)
        self.buttons["blink"].clicked.connect(self.step)
        self.buttons["carry"].clicked.connect(self.carry_over)
        self.buttons["clear"].clicked.connect(self.clear)
        self.session.told.connect(self._tell)
        self.session.renewed.connect(self._on_renewed)
        self.pick.picked.connect(self._on_picked)

    def _on_picked(self, said: str) -> None:
        self._tell(said)
        if self.session.layer is not None:
            self.buttons["pick"].setChecked(False)
            self._viewer.layers.selection.active = self.session.layer

    def _on_renewed(self) -> None:
        self.blink.release()
        self._enable()

    def _enable(self) -> None:
        is_begun = self.session.layer is not None
        if not is_begun:
            self.buttons["pick"].setChecked(False)
        for name in ("pick", "blink", "clear"):
            self.buttons[name].setEnabled(is_begun)
        retouched = self.session.retouched
        self.buttons["carry"].setEnabled(retouched is not None and retouched.time_axis is not None)

    def _tell(self, text: str) -> None:
        self.status.setText(text)
