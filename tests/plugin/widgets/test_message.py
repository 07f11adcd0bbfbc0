"""Texts for the user: long ones wrap."""

from qtpy.QtCore import Qt

from napari_umis_fusion.plugin.widgets import Message


def test_a_long_text_wraps_and_can_be_copied(qtbot):
    message = Message("The stack cannot be read. Choose another file.")
    qtbot.addWidget(message)
    assert message.wordWrap()
    assert message.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
