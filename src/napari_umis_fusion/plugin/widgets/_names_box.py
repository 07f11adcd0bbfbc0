"""Boxes from which a name is chosen that somebody else gave."""

from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

_CHARACTERS, _MOST_CHARACTERS = 12, 20
"""How narrow a box of names may become, and one of choices."""


def names_box(**options: Any) -> ComboBox:
    """Return a box of names, such as those of layers, with the options of magicgui's."""
    box = ComboBox(**options)
    let_shrink(box.native)
    return box


def choice_box(**options: Any) -> ComboBox:
    """Return a box of choices, as wide as they are, unless one is long."""
    box = ComboBox(**options)
    if max(len(box.native.itemText(row)) for row in range(box.native.count())) > _MOST_CHARACTERS:
        let_shrink(box.native, _MOST_CHARACTERS)
    return box


def let_shrink(box: QComboBox, characters: int = _CHARACTERS) -> None:
    """Let a box be narrower than its names: a long one must not widen the whole widget."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(characters)
    view = box.view()
    if view is not None:
        # Names of one experiment differ at their ends.
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
