"""The question whether channels are planes."""

from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel

from napari_umis_fusion.plugin.io import _reader as reader
from napari_umis_fusion.plugin.opening import PlanesQuestion


@pytest.fixture
def asked(monkeypatch, qtbot, tmp_path):
    """Open a file of seven channels where a user can be asked."""
    data = np.arange(7 * 30, dtype=np.uint16).reshape(7, 6, 5)
    tifffile.imwrite(tmp_path / "s.ome.tif", data, metadata={"axes": "CYX"})
    viewer, questions = ViewerModel(), []
    monkeypatch.setattr(reader, "shown_viewer", lambda: viewer)

    def show(question):
        qtbot.addWidget(question)
        questions.append(question)

    monkeypatch.setattr(PlanesQuestion, "show", show)
    assert reader.read(str(tmp_path / "s.ome.tif")) == reader.NOTHING
    (question,) = questions
    return SimpleNamespace(viewer=viewer, question=question, data=data)


def test_as_a_stack(asked):
    assert "s holds 7 channels, and no planes along z" in asked.question.text()
    asked.question.as_stack.click()
    (layer,) = asked.viewer.layers
    np.testing.assert_array_equal(layer.data, asked.data)
    assert layer.axis_labels == ("z", "y", "x")


def test_as_channels(asked):
    asked.question.as_channels.click()
    assert [layer.data.shape for layer in asked.viewer.layers] == [(6, 5)] * 7


def test_nothing_is_opened_by_cancel(asked):
    asked.question.reject()
    assert len(asked.viewer.layers) == 0
