"""A text for the user."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel


class Message(QLabel):
    """A text that wraps, and that can be selected to be copied, into a report for example.

    Parameters
    ----------
    text : str
        What is shown at first.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)
        flags = Qt.TextInteractionFlag
        self.setTextInteractionFlags(flags.TextSelectableByMouse | flags.LinksAccessibleByMouse)

    def show_text(self, text: str) -> None:
        """Show another text; an empty one hides the label."""
        self.setText(text)
        self.setVisible(bool(text))
