"""Focus: the stage that focuses, moved in steps or to a typed height."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.errors import LiveError
from napari_umis_fusion.plugin.acquire._devices import plain_reason
from napari_umis_fusion.plugin.acquire._microscope import LIVE, Microscope

HEIGHTS_UM = (-100_000.0, 100_000.0)
COARSE = 10
"""Small steps to a large one."""

STEPS = {
    "up_much": ("▲▲", COARSE, "Move up by ten steps."),
    "up": ("▲", 1, "Move up by one step."),
    "down": ("▼", -1, "Move down by one step."),
    "down_much": ("▼▼", -COARSE, "Move down by ten steps."),
}


class StageSection(QWidget):
    """Moves the stage that focuses, and shows where it says that it is.

    Parameters
    ----------
    microscope : Microscope
        The microscope.

    Signals
    -------
    moved(float)
        The height of the stage, in µm.
    """

    moved = Signal(float)

    def __init__(self, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope
        self.height_um: float | None = None
        self._target_um: float | None = None
        self.height = QLabel("unknown")
        self.height.setToolTip("Where the stage says that it is.")
        self.step, self.target = _height_box(0.001, 1.0), _height_box(HEIGHTS_UM[0], 0.0)
        self.low, self.high = _height_box(HEIGHTS_UM[0], -100.0), _height_box(HEIGHTS_UM[0], 100.0)
        self.limited = QCheckBox("keep within")
        self.step.setToolTip("Distance of one step.")
        self.target.setToolTip("Move to this height: type it and press Enter.")
        self.limited.setToolTip("Refuse to move beyond these heights, to protect the sample.")
        for box, end in ((self.low, "Lowest"), (self.high, "Highest")):
            box.setAccessibleName(f"{end.lower()} height")
            box.setToolTip(f"{end} height that the stage is moved to from here.")
        self.buttons = {name: QPushButton(text) for name, (text, _, _) in STEPS.items()}
        self.zero, self.halt = QPushButton("Set zero"), QPushButton("Halt")
        self.zero.setToolTip("Call the present height 0.")
        self.halt.setToolTip("Halt the stage where it is, if it can.")
        self._lay_out()
        self._connect()
        self._on_activity("")

    def move_to(self, height_um: float) -> None:
        """Move the stage; `moved` follows when it has arrived, or a message says why not."""
        core, stage = self._microscope.core, self._microscope.devices.focus
        if core is None or not stage:
            return
        if self.limited.isChecked() and not self.low.value() <= height_um <= self.high.value():
            self._microscope.told.emit(
                f"The stage was not moved to {height_um:g} µm; accepted is {self.low.value():g} "
                f"to {self.high.value():g} µm, the limits set here."
            )
            self._target_um = None
            return
        self._target_um = height_um
        self._microscope.told.emit("")

        def move() -> float:
            try:
                core.setPosition(stage, height_um)
                core.waitForDevice(stage)
            except Exception as error:
                raise LiveError(
                    f"the stage {stage!r} did not move to {height_um:g} µm: {plain_reason(error)}. "
                    "Is the height within its limits, and the stage connected?"
                ) from error
            return float(core.getPosition(stage))

        self._microscope.ask(move, self._on_arrived, self._on_refused, key="move")

    def move_by(self, steps: float) -> None:
        """Move by a number of steps, counted from where it is being moved to."""
        start_um = self.height_um if self._target_um is None else self._target_um
        if start_um is not None:
            self.move_to(start_um + steps * self.step.value())

    def look(self) -> None:
        """Ask the stage where it is."""
        core, stage = self._microscope.core, self._microscope.devices.focus
        if core is not None and stage:
            self._microscope.ask(lambda: float(core.getPosition(stage)), self._show, key="where")

    def _lay_out(self) -> None:
        grid = QGridLayout()
        for column, (name, button) in enumerate(self.buttons.items()):
            button.setToolTip(STEPS[name][2])
            button.setAccessibleName(STEPS[name][2])
            grid.addWidget(button, 0, column)
            grid.setColumnStretch(column, 1)
        grid.addWidget(self.zero, 1, 0, 1, 2)
        grid.addWidget(self.halt, 1, 2, 1, 2)
        limits = QHBoxLayout()
        for box in (self.low, self.high):  # heights are typed; arrows would cover them
            box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        limits.addWidget(self.limited)
        limits.addWidget(self.low, 1)
        limits.addWidget(self.high, 1)
        form = QFormLayout()
        form.addRow("height", self.height)
        form.addRow("step", self.step)
        form.addRow("move to", self.target)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addLayout(grid)
        layout.addLayout(limits)

    def _connect(self) -> None:
        for name, button in self.buttons.items():
            button.clicked.connect(lambda _=False, steps=STEPS[name][1]: self.move_by(steps))
        # Not when editing ends: the stage must not move because the user looks elsewhere.
        self.target.lineEdit().returnPressed.connect(lambda: self.move_to(self.target.value()))
        self.zero.clicked.connect(self._on_zero)
        self.halt.clicked.connect(self._on_halt)
        self._microscope.changed.connect(self._on_changed)
        self._microscope.stageMoved.connect(self._on_stage)
        self._microscope.activityChanged.connect(self._on_activity)

    def _show(self, height_um: float) -> None:
        self.height_um = height_um
        self.height.setText(f"{height_um:.3f} µm")
        self.moved.emit(height_um)

    def _on_arrived(self, height_um: float) -> None:
        self._target_um = None
        self._show(height_um)

    def _on_refused(self, error: Exception) -> None:
        self._target_um = None
        self._microscope.tell(error)
        self.look()

    def _on_stage(self, label: str, height_um: float) -> None:
        if label == self._microscope.devices.focus:
            self._show(height_um)

    def _on_changed(self) -> None:
        self._on_activity(self._microscope.activity)
        self.height_um = self._target_um = None
        self.height.setText("unknown")
        self.look()

    def _on_activity(self, activity: str) -> None:
        has_stage = self._microscope.is_connected and bool(self._microscope.devices.focus)
        self.setEnabled(has_stage and activity in ("", LIVE))
        if not activity:
            self.look()

    def _on_zero(self) -> None:
        core, stage = self._microscope.core, self._microscope.devices.focus

        def set_zero() -> float:
            core.setOrigin(stage)
            return float(core.getPosition(stage))

        self._microscope.ask(set_zero, self._show)

    def _on_halt(self) -> None:
        core, stage = self._microscope.core, self._microscope.devices.focus
        self._target_um = None
        self._microscope.ask_now(lambda: core.stop(stage), drops="move")


def _height_box(low: float, value: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(low, HEIGHTS_UM[1])
    box.setDecimals(3)
    box.setSuffix(" µm")
    box.setValue(value)
    box.setKeyboardTracking(False)
    return box
