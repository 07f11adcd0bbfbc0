"""A form made of a dataclass: rows, bounds, when a row has a say, and one value for all."""

from dataclasses import dataclass, field, fields
from typing import Literal

import pytest
from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, SpinBox
from qtpy.QtWidgets import QLabel

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.layers import SubstackConfig
from napari_umis_fusion.live import AutofocusConfig, SweepPlan
from napari_umis_fusion.plugin.widgets import ConfigForm, described_row
from napari_umis_fusion.plugin.widgets._config_form import NumberRow
from napari_umis_fusion.projection import AroundConfig
from napari_umis_fusion.runtime import check_fields, choice, is_used, number
from napari_umis_fusion.training import TrainingConfig

pytestmark = pytest.mark.binding

Shape = Literal["round", "square"]


@dataclass(frozen=True, slots=True)
class Hole:
    """A config that the package has not."""

    shape: Shape = field(default="round", metadata=choice(Shape, "Shape of the hole."))
    radius_px: int = field(
        default=3,
        metadata=number("Distance from the middle.", "px", 1, 9, used_when=("shape", ("round",))),
    )
    depth: float = field(default=1.5, metadata=number("Depth.", "mm", 0.0, 4.0, step=0.5))
    weight: float = field(default=1e-3, metadata=number("Weight in the sum.", "", 1e-9, 1e6))
    is_filled: bool = field(default=False, metadata={"help": "Fill the hole.", "label": "filled"})

    def __post_init__(self):
        check_fields(self)


@pytest.fixture
def make(qtbot):
    def make(*arguments, **options):
        form = ConfigForm(*arguments, **options)
        qtbot.addWidget(form)
        return form

    return make


def test_rows_come_from_the_fields(make):
    form = make(Hole())
    kinds = {row.name: type(row) for row in form}
    assert kinds == {
        "shape": ComboBox,
        "radius_px": SpinBox,
        "depth": FloatSpinBox,
        "weight": NumberRow,
        "is_filled": CheckBox,
    }
    assert form["shape"].choices == ("round", "square")
    assert (form["radius_px"].min, form["radius_px"].max) == (1, 9)
    assert form["depth"].label == "depth (mm)"
    assert form["is_filled"].text == "filled"
    assert form["radius_px"].tooltip == (
        "Distance from the middle. Accepted: 1 to 9 px. Default: 3."
    )


@pytest.mark.parametrize(
    "config", [Hole(), Hole("square", 9, 0.5, 1 / 3, True), Hole(weight=123456.789)]
)
def test_what_is_set_is_what_it_holds(make, config):
    form = make(Hole())
    form.setValue(config)
    assert form.value() == config


@pytest.mark.parametrize("config", [FusionConfig(align="auto", channel=2), TrainingConfig(seed=7)])
def test_fields_without_a_row_keep_their_value(make, config):
    form = make(type(config)(), names=["device", "threads"])
    form.setValue(config)
    form["threads"].value = 3
    assert form.value() == config.replace(threads=3)
    assert [row.name for row in form] == ["device", "threads"]


def test_edits_are_told_once_each(make, qtbot):
    form = make(Hole())
    told = []
    form.valueChanged.connect(lambda: told.append(form.value()))
    form["radius_px"].value = 5
    form.setValue(Hole("square", 2, 4.0, 2.0, True))
    form["weight"].value = "1e-4"
    assert told == [
        Hole(radius_px=5),
        Hole("square", 2, 4.0, 2.0, True),
        Hole("square", 2, 4.0, 1e-4, True),
    ]


@pytest.mark.parametrize("text", ["", "much", "1,5"])
def test_what_is_no_number_is_told(make, text):
    form = make(Hole())
    form["weight"].value = text
    with pytest.raises(ConfigError, match=f"weight is '{text}'; accepted is a number such as"):
        form.value()


def test_a_number_out_of_bounds_is_told(make):
    form = make(Hole())
    form["weight"].value = "2e6"
    with pytest.raises(ConfigError, match="weight=2000000"):
        form.value()


def test_rows_without_a_say_are_greyed_out(make):
    form = make(Hole())
    assert form["radius_px"].enabled
    form["shape"].value = "square"
    assert not form["radius_px"].enabled
    assert form["depth"].enabled
    labels = {one.text(): one.isEnabled() for one in form.findChildren(QLabel)}
    assert (labels["radius px (px)"], labels["depth (mm)"]) == (False, True)
    form.setValue(Hole())
    assert form["radius_px"].enabled


def test_or_they_are_hidden_also_beside_a_row_that_is_wrong(make):
    form = make(Hole(), hides_unused=True)
    form["weight"].value = "much"
    form["shape"].value = "square"
    assert not form.is_row_shown("radius_px")
    assert form.is_row_shown("weight")
    form["shape"].value = "round"
    assert form.is_row_shown("radius_px")


def test_what_decides_need_not_have_a_row(make):
    form = make(Hole("square"), names=["radius_px"])
    assert not form["radius_px"].enabled
    form.setValue(Hole("round"))
    assert form["radius_px"].enabled


@pytest.mark.parametrize("config", [FusionConfig, TrainingConfig, Hole])
def test_what_a_field_depends_on_can_be_so_and_otherwise(config):
    """`used_when` names another field, and values that this field can have."""
    specs = {spec.name: spec for spec in fields(config)}
    depending = [spec for spec in specs.values() if "used_when" in spec.metadata]
    assert depending
    for spec in depending:
        other, accepted = spec.metadata["used_when"]
        meta = specs[other].metadata
        assert accepted
        if "choices" in meta:
            assert set(accepted) < set(meta["choices"])
        else:
            assert all(meta["min"] <= value <= meta["max"] for value in accepted)


def test_fields_tell_whether_they_are_used():
    specs = {spec.name: spec for spec in fields(FusionConfig)}
    config = FusionConfig("laplacian", align="auto")
    used = {name for name, spec in specs.items() if is_used(spec, config)}
    assert {"detail_sigma_px", "window_sigma_px", "align_border", "blend"} <= used
    assert not used & {"device", "checkpoint", "verification_window_px"}


@pytest.mark.parametrize(
    "config",
    [FusionConfig, TrainingConfig, AutofocusConfig, SweepPlan, AroundConfig, SubstackConfig],
)
def test_labels_tell_their_unit_once(config):
    for spec in fields(config):
        unit, label = spec.metadata.get("unit"), described_row(spec)["label"]
        words = label.removesuffix(f" ({unit})").split()
        assert not unit or {unit.replace("µ", "u"), unit, "minutes"}.isdisjoint(words), label
