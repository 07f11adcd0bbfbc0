"""The preset that metadata tell is taken in sight, undone by a click, and goes with its stack."""

import numpy as np
import pytest
from qtpy.QtCore import QObject, Signal

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.layers import choose_layer_axes
from napari_umis_fusion.plugin.fusion._preset_choice import PresetChoice
from napari_umis_fusion.plugin.fusion._told_preset_line import ToldPresetLine
from napari_umis_fusion.plugin.viewer import TargetStack
from napari_umis_fusion.presets import PRESETS

FLUORESCENCE, DIC = PRESETS["fluorescence"], PRESETS["phase or DIC"]


class Owner(QObject):
    """What the widget is to the line."""

    valueChanged = Signal()  # noqa: N815

    def __init__(self):
        super().__init__()
        self.config = FusionConfig()

    def value(self):
        return self.config

    def setValue(self, config):  # noqa: N802
        self.config = config
        self.valueChanged.emit()


class Layer:
    """Stands for a layer of napari."""


def target(name, metadata=None):
    image = LayerImage.of(np.zeros((4, 8, 8)), {"name": name, "metadata": metadata})
    return TargetStack([Layer()], [image], choose_layer_axes(image))


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def line(owner, qtbot):
    choice = PresetChoice(owner)
    made = ToldPresetLine(owner, choice)
    for one in (choice, made):
        qtbot.addWidget(one)
    return made


def test_it_is_taken_in_sight_and_undone_by_a_click(line, owner):
    owner.setValue(FusionConfig(threads=2))
    stack = target("DAPI")
    line.adapt_to(stack)
    assert FLUORESCENCE.is_of(owner.config)
    assert owner.config.threads == 2
    assert line.text.text() == "Preset ‘fluorescence’, from the metadata: channel 'DAPI'."
    line.button.click()
    assert owner.config == FusionConfig(threads=2)
    assert line.button.text() == "Use ‘fluorescence’"
    line.adapt_to(stack)
    assert owner.config == FusionConfig(threads=2), "of the same stack, nothing is taken again"
    line.button.click()
    assert FLUORESCENCE.is_of(owner.config)


def test_it_goes_with_its_stack(line, owner):
    line.adapt_to(target("DAPI"))
    line.adapt_to(target("C1", {"Channel": {"ContrastMethod": "DIC"}}))
    assert DIC.is_of(owner.config)
    line.adapt_to(target("C1"))
    assert owner.config == FusionConfig()
    assert line.isHidden()
    line.adapt_to(target("GFP"))
    line.adapt_to(None)
    assert owner.config == FusionConfig()


def test_options_of_the_user_stay(line, owner):
    owner.setValue(FusionConfig(blend="select"))
    line.adapt_to(target("DAPI"))
    assert owner.config == FusionConfig(blend="select")
    assert line.text.text() == "The metadata tell channel 'DAPI'."
    owner.setValue(FLUORESCENCE.config())
    assert line.isHidden()
    line.adapt_to(target("C1"))
    assert FLUORESCENCE.is_of(owner.config), "chosen by the user, it is theirs"
    line.adapt_to(target("GFP"))
    owner.setValue(FLUORESCENCE.config(seam_smoothness=3.0))
    line.adapt_to(target("C1"))
    assert owner.config.seam_smoothness == 3.0
