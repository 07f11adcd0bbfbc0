"""Every part of the dock that holds a value: what is set is what it holds, and edits are told."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.plugin.fusion._alignment_section import AlignmentChoice
from napari_umis_fusion.plugin.fusion._output_options import OutputOptions
from napari_umis_fusion.plugin.fusion._part_form import Part
from napari_umis_fusion.plugin.fusion._stack_choice import Decision


@pytest.fixture
def two_channels(viewer):
    data = np.random.default_rng(0).integers(0, 255, (2, 6, 40, 50), np.uint8)
    return viewer.add_image(data, name="two", axis_labels=("c", "z", "y", "x"))


VALUES = {
    "output": [OutputOptions(depth_map=False, labels=True, again="keep")],
    "part": [Part(region="region", first_plane=1, last_plane=3)],
    "alignment": [AlignmentChoice(FusionConfig(align="auto"), False, "a.csv")],
    "stack": [Decision("max"), Decision(1), Decision(each_channel=True)],
    "method": [FusionConfig("variance", verification="mode", channel=1)],
}


@pytest.mark.binding
def test_what_is_set_is_what_it_holds(viewer, widget, two_channels):
    viewer.add_shapes(name="region")
    whole = []
    widget.valueChanged.connect(lambda: whole.append(True))
    for part, values in VALUES.items():
        form, told = getattr(widget, part), []
        form.valueChanged.connect(lambda told=told, form=form: told.append(form.value()))
        for value in values:
            told.clear()
            whole.clear()
            form.setValue(value)
            assert form.value() == value
            assert told[-1] == value
            assert whole, f"{value} is told by the dock too"


def test_the_dock_holds_a_config(viewer, widget, two_channels):
    config = FusionConfig("umis", align="affine", light="none", channel="max", threads=2)
    widget.setValue(config)
    assert widget.value() == config
    assert widget.stack.value() == Decision("max")


def test_the_error_of_depth_is_an_output(widget, two_channels):
    widget.setValue(FusionConfig(depth_error=True))
    assert widget.output.value().depth_error_map
    assert not widget.value().depth_error


def test_a_rule_that_the_stack_does_not_offer_changes_nothing(widget, two_channels):
    widget.stack.setValue(Decision(1))
    widget.stack.setValue(Decision("luminance"))
    assert widget.stack.value() == Decision(1)


def test_another_second_run_than_there_are_is_refused():
    with pytest.raises(ConfigError, match="accepted are replace, keep"):
        OutputOptions(again="sometimes")
