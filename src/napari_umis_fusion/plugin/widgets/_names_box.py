"""Boxes from which a name is chosen that somebody else gave."""

from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

_CHARACTERS = 12
"""How narrow a box may become."""


def names_box(**options: Any) -> ComboBox:
    """Return a box of names, such as those of layers, with the options of magicgui's."""
    box = ComboBox(**options)
    let_shrink(box.native)
    return box


def let_shrink(box: QComboBox) -> None:
    """Let a box be narrower than its names: a long one must not widen the whole widget."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(_CHARACTERS)
    view = box.view()
    if view is not None:
        # Names of one experiment differ at their ends.
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
