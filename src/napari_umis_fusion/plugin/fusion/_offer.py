"""A sentence, and a button that does what it suggests."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_umis_fusion.plugin.widgets import Message


class Offer(QWidget):
    """A sentence, and a button that does what it suggests.

    Parameters
    ----------
    action : str
        Text of the button.

    Signals
    -------
    clicked()
        The user wants it.
    """

    clicked = Signal()

    def __init__(self, action: str) -> None:
        super().__init__()
        self.text, self.button = Message(), QPushButton(action)
        self.button.clicked.connect(self.clicked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)

    def show_offer(self, text: str) -> None:
        """Show the offer; an empty text hides it."""
        self.text.setText(text)
        self.setVisible(bool(text))
