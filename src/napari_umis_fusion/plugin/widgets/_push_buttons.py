"""Buttons from a table of their texts and tooltips."""

from collections.abc import Mapping

from qtpy.QtWidgets import QPushButton

Buttons = Mapping[str, tuple[str, str]]
"""Text and tooltip of each button, by its name."""


def push_buttons(buttons: Buttons) -> dict[str, QPushButton]:
    """Return buttons by their names."""
    made = {name: QPushButton(text) for name, (text, _) in buttons.items()}
    for name, (_, tip) in buttons.items():
        made[name].setToolTip(tip)
    return made
