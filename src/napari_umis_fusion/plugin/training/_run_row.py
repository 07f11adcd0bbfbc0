"""Buttons, bar and words of a training."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

STEPS = 1000

_TIPS = {
    "start": "Begin with what is chosen above.",
    "go_on": "Go on with the training that was interrupted, to the same weights as without that.",
    "pause": "Rest after the step that is under way; nothing is lost.",
    "stop": "End now, keep the weights that validated best so far, and compare them.",
    "discard": "End now and throw away what this training has learnt.",
}


class TrainingRow(QWidget):
    """Starts, shows and stops; knows nothing of what is run.

    Signals
    -------
    start_clicked(), go_on_clicked(), pause_clicked(), stop_clicked(), discard_clicked()
        What the user wants.
    """

    start_clicked = Signal()
    go_on_clicked = Signal()
    pause_clicked = Signal()
    stop_clicked = Signal()
    discard_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.start, self.go_on = QPushButton("Train"), QPushButton("Continue last training")
        self.start.setMinimumHeight(34)
        self.pause, self.stop = QPushButton("Pause"), QPushButton("Stop and keep the best")
        self.discard = QPushButton("Discard")
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.says, self.numbers = QLabel(), QLabel()
        for label in (self.says, self.numbers):
            label.setWordWrap(True)
        self._lay_out()
        self.show_idle("", can_go_on=False)

    def show_idle(self, text: str, *, can_go_on: bool, go_on_tip: str = "") -> None:
        """Offer to start; `text` says how the last training ended."""
        self._show_running(False)
        self.go_on.setVisible(can_go_on)
        self.go_on.setToolTip(f"{_TIPS['go_on']} {go_on_tip}".strip())
        self.say(text)

    def show_running(self, *, is_paused: bool, is_stopping: bool = False) -> None:
        """Offer to pause, to stop and to discard."""
        self._show_running(True)
        self.pause.setText("Resume" if is_paused else "Pause")
        for button in (self.pause, self.stop, self.discard):
            button.setEnabled(not is_stopping)

    def show_progress(self, share: float, text: str) -> None:
        """Show how far it is."""
        self.bar.setValue(int(share * STEPS))
        self.say(text)

    def say(self, text: str) -> None:
        """Show a line of text, or none."""
        self.says.setText(text)
        self.says.setVisible(bool(text))

    def show_numbers(self, text: str) -> None:
        """Show a second line, of numbers, or none."""
        self.numbers.setText(text)
        self.numbers.setVisible(bool(text))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.start)
        layout.addWidget(self.go_on)
        buttons = QHBoxLayout()
        for button in (self.pause, self.discard):
            buttons.addWidget(button)
        layout.addWidget(self.stop)
        layout.addLayout(buttons)
        for part in (self.bar, self.says, self.numbers):
            layout.addWidget(part)
        for name, tip in _TIPS.items():
            button = getattr(self, name)
            button.setToolTip(tip)
            button.clicked.connect(getattr(self, f"{name}_clicked"))

    def _show_running(self, running: bool) -> None:
        self.start.setVisible(not running)
        for part in (self.pause, self.stop, self.discard, self.bar):
            part.setVisible(running)
        if running:
            self.go_on.hide()
        else:
            self.bar.setValue(0)
            self.show_numbers("")
