"""The words of all widgets: each tooltip is a sentence, and each label begins in lower case."""

from dataclasses import fields

import pytest
from qtpy.QtWidgets import QWidget

from napari_umis_fusion import FusionConfig, TrainingConfig
from napari_umis_fusion.plugin.acquire import AcquireWidget
from napari_umis_fusion.plugin.batch import BatchWidget
from napari_umis_fusion.plugin.fusion import FusionWidget
from napari_umis_fusion.plugin.surface import SurfaceWidget
from napari_umis_fusion.plugin.training import TrainingWidget
from napari_umis_fusion.plugin.training._choice_names import CHOICE_NAMES
from napari_umis_fusion.plugin.widgets import FUSION_NAMES, ConfigForm, Form
from napari_umis_fusion.runtime import help_with_bounds

NAMES = ("NaN", "S-filter", "L-filter")


@pytest.fixture(params=[FusionWidget, TrainingWidget, SurfaceWidget, AcquireWidget, BatchWidget])
def panel(request, viewer, qtbot):
    """Return each of the widgets in turn."""
    made = request.param(viewer)
    qtbot.addWidget(made, before_close_func=lambda one: one.close_down())
    return made


def test_each_tooltip_is_a_sentence(panel):
    tips = {child.toolTip() for child in panel.findChildren(QWidget)} - {""}
    assert len(tips) > 10
    assert [tip for tip in tips if not tip.endswith(".") or tip.endswith("..")] == []
    assert [tip for tip in tips if tip[0].islower()] == []


def test_each_label_begins_in_lower_case(panel):
    rows = [row for form in panel.findChildren(Form) for row in form]
    labels = [getattr(row, "text", "") or row.label for row in rows]
    assert len(labels) > 5
    words = [label.split()[0] for label in labels]
    assert [word for word in words if not word[0].islower() and word not in NAMES] == []


def _chosen(form):
    """Return the fields of a form that have choices."""
    return [name for name, spec in form.specs.items() if "choices" in spec.metadata]


def test_choices_are_shown_in_plain_words(panel):
    forms = panel.findChildren(ConfigForm)
    boxes = [form[name].native for form in forms for name in _chosen(form)]
    shown = [box.itemText(number) for box in boxes for number in range(box.count())]
    assert len(shown) >= 4
    assert [text for text in shown if text[0].islower() or "_" in text] == []


@pytest.mark.parametrize("panel", [FusionWidget, TrainingWidget], indirect=True)
def test_the_tooltip_of_a_field_is_its_help(panel):
    config = FusionConfig if isinstance(panel, FusionWidget) else TrainingConfig
    names = FUSION_NAMES if config is FusionConfig else CHOICE_NAMES
    specs = {
        spec.name: names.in_plain_words(spec, help_with_bounds(spec)) for spec in fields(config)
    }
    rows = {row.name: row for form in panel.findChildren(Form) for row in form}
    shown = {name: rows[name].tooltip for name in specs if name in rows and name != "specimen"}
    assert len(shown) > 10
    assert shown == {name: specs[name] for name in shown}
