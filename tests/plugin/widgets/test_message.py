"""Texts for the user: long ones wrap, and those of errors begin like sentences."""

import pytest
from qtpy.QtCore import Qt

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin.widgets import Message, sentence_of


def test_a_long_text_wraps_and_can_be_copied(qtbot):
    message = Message("The stack cannot be read. Choose another file.")
    qtbot.addWidget(message)
    assert message.wordWrap()
    assert message.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no focus was found.", "No focus was found."),
        ("na=2.0 is too large.", "na=2.0 is too large."),
        ("beads.tif is not there.", "beads.tif is not there."),
    ],
)
def test_errors_begin_like_sentences_or_with_a_name(text, shown):
    assert sentence_of(UmisFusionError(text)) == shown
