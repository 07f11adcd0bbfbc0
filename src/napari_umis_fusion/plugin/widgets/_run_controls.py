"""Controls of long work: buttons to start, pause and cancel, a progress bar and a status text."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.plugin.widgets._message import Message
from napari_umis_fusion.plugin.widgets._push_buttons import Buttons

BAR_STEPS = 1000
_START_HEIGHT_PX = 34


class RunControls(QWidget):
    """Starts, shows and stops work, whatever it is.

    Parameters
    ----------
    idle : mapping of str to (str, str)
        Buttons while nothing runs; the first is the large one.
    running : mapping of str to (str, str)
        Buttons while work runs. The one named 'pause' pauses and resumes the job.
    is_flat : bool
        Place the bar beside the buttons instead of below them.

    Signals
    -------
    clicked(str)
        The name of a button, except 'pause', which is handled here.

    Attributes
    ----------
    buttons : dict of QPushButton
        Buttons by name.
    """

    clicked = Signal(str)

    def __init__(self, idle: Buttons, running: Buttons, *, is_flat: bool = False) -> None:
        super().__init__()
        self._idle, self._running = list(idle), list(running)
        self._job: Any = None
        self.buttons = {
            name: self._button(name, *texts) for name, texts in (*idle.items(), *running.items())
        }
        if not is_flat:
            self.buttons[self._idle[0]].setMinimumHeight(_START_HEIGHT_PX)
        self.bar = QProgressBar()
        self.bar.setRange(0, BAR_STEPS)
        self.bar.setTextVisible(False)
        self.message, self.details = Message(), Message()
        self._lay_out(is_flat)
        self.show_idle()

    def follow(self, job: Any) -> None:
        """Show the progress of a `Job`, until `show_idle`."""
        self._job = job
        job.progressed.connect(self._on_progress)
        self.show_running()

    def show_idle(self, text: str = "") -> None:
        """Show the buttons to start; `text` says how the last run ended."""
        self._job = None
        self._show(is_running=False)
        self.show_message(text)
        self.show_details("")

    def show_running(self, *, is_stopping: bool = False) -> None:
        """Show the buttons of running work; disabled if it is already stopping."""
        self._show(is_running=True)
        self._show_pause()
        for name in self._running:
            self.buttons[name].setEnabled(not is_stopping)

    def show_progress(self, share: float, text: str) -> None:
        """Show the progress."""
        self.bar.setValue(int(share * BAR_STEPS))
        self.show_message(text)

    def show_message(self, text: str) -> None:
        """Show a line of text; an empty one hides it."""
        self.message.show_text(text)

    def show_details(self, text: str) -> None:
        """Show a second text; an empty one hides it."""
        self.details.show_text(text)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        if name == "pause":
            button.clicked.connect(self._on_pause)
        else:
            button.clicked.connect(lambda: self.clicked.emit(name))
        return button

    def _lay_out(self, is_flat: bool) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        # the button to start stands alone in full width, unless the controls are flat
        row = QHBoxLayout()
        above: QBoxLayout = row if is_flat else layout
        for name in self._idle:
            above.addWidget(self.buttons[name])
        if is_flat:
            row.addWidget(self.bar, 1)
        for name in self._running:
            row.addWidget(self.buttons[name])
        layout.addLayout(row)
        if not is_flat:
            layout.addWidget(self.bar)
        for label in (self.message, self.details):
            layout.addWidget(label)

    def _show(self, *, is_running: bool) -> None:
        for names, shown in ((self._idle, not is_running), (self._running, is_running)):
            for name in names:
                self.buttons[name].setVisible(shown)
        self.bar.setVisible(is_running)
        if not is_running:
            self.bar.setValue(0)

    def _show_pause(self) -> None:
        if "pause" in self.buttons:
            is_paused = self._job is not None and self._job.is_paused
            self.buttons["pause"].setText("Resume" if is_paused else "Pause")

    def _on_progress(self, share: float, text: str) -> None:
        # Events from before the pause still arrive.
        if self._job is not None and not self._job.is_paused:
            self.show_progress(share, text)

    def _on_pause(self) -> None:
        if self._job is None:
            return
        self._job.toggle_pause()
        self._show_pause()
        doing = self._job.doing
        self.show_message(f"Paused: {doing or 'starting'}." if self._job.is_paused else doing)
