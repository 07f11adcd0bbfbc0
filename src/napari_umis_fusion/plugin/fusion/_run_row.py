"""Button, progress, pause and cancel of a fusion."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

STEPS = 1000


class RunRow(QWidget):
    """Starts, shows and stops; knows nothing of what is run.

    Signals
    -------
    fuse_clicked(), pause_clicked(), cancel_clicked()
        What the user wants.
    """

    fuse_clicked = Signal()
    pause_clicked = Signal()
    cancel_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.fuse = QPushButton("Fuse")
        self.fuse.setToolTip("Make one all-in-focus image, and maps, of the stack above.")
        self.fuse.setMinimumHeight(34)
        self.pause, self.cancel = QPushButton("Pause"), QPushButton("Cancel")
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.says = QLabel()
        self.says.setWordWrap(True)
        buttons = QHBoxLayout()
        for button in (self.fuse, self.pause, self.cancel):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.says)
        self.fuse.clicked.connect(self.fuse_clicked)
        self.pause.clicked.connect(self.pause_clicked)
        self.cancel.clicked.connect(self.cancel_clicked)
        self.show_idle("")

    def show_idle(self, text: str) -> None:
        """Offer to start; `text` says how the last run ended."""
        self._show_running(False)
        self.say(text)

    def show_running(self, *, is_paused: bool) -> None:
        """Offer to pause and to cancel."""
        self._show_running(True)
        self.pause.setText("Go on" if is_paused else "Pause")

    def show_progress(self, share: float, text: str) -> None:
        """Show how far it is."""
        self.bar.setValue(int(share * STEPS))
        self.say(text)

    def say(self, text: str) -> None:
        """Show a line of text, or none."""
        self.says.setText(text)
        self.says.setVisible(bool(text))

    def _show_running(self, running: bool) -> None:
        self.fuse.setVisible(not running)
        for part in (self.pause, self.cancel, self.bar):
            part.setVisible(running)
        self.bar.setValue(0)
