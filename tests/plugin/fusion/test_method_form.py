"""Rows of the method and the fields of the config are one thing."""

from dataclasses import fields

import pytest

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.plugin.fusion import _defaults as defaults
from napari_umis_fusion.plugin.fusion._method_form import ELSEWHERE, FIRST, MethodForm
from napari_umis_fusion.plugin.fusion._output_options import OutputOptions
from napari_umis_fusion.plugin.widgets import FUSION_NAMES
from napari_umis_fusion.plugin.widgets._fusion_names import NAMES


@pytest.fixture
def form(qtbot):
    made = MethodForm()
    qtbot.addWidget(made)
    return made


@pytest.mark.binding
def test_each_field_has_its_row_with_bounds_and_help(form):
    for spec in fields(FusionConfig):
        if spec.name in ELSEWHERE:
            assert spec.name not in [row.name for row in form]
            continue
        if spec.name == "checkpoint":  # see test_weights_choice
            assert form.weights.toolTip().startswith("Weights of “Neural network” (.safetensors)")
            continue
        row, meta = form[spec.name], spec.metadata
        assert row.tooltip.startswith(FUSION_NAMES.in_plain_words(spec, meta["help"]))
        if "min" in meta:
            assert (row.min, row.max) == (meta["min"], meta["max"])
            assert not meta["unit"] or f"({meta['unit']})" in row.label
        if "choices" in meta:
            assert set(row.choices) == set(meta["choices"])


def test_every_choice_of_a_named_field_has_a_name():
    specs = (*fields(FusionConfig), *fields(OutputOptions))
    choices = {spec.name: spec.metadata.get("choices") for spec in specs}
    for name, named in NAMES.items():
        assert set(named) == set(choices[name]), f"name every choice of {name}"
        assert len(set(named.values())) == len(named), name


def test_choices_have_plain_names_in_rows_and_in_tooltips(form):
    texts = [form["focus_measure"].native.itemText(k) for k in range(3)]
    assert texts == ["Neural network", "Laplacian (fast)", "UMIS (published)"]
    assert form["focus_measure"].tooltip.endswith("Default: Neural network.")
    assert "“Recorded values” copies each pixel" in form["blend"].tooltip
    quoted = [row.tooltip for row in form if "'" in row.tooltip]
    assert quoted == [], "the words of Python are not in the rows"


def test_few_rows_are_shown_until_advanced_is_pressed(form):
    rows = [row.name for row in form]
    assert rows[: len(FIRST)] == list(FIRST)
    assert [name for name in rows if form.is_row_shown(name)] == list(FIRST)
    form.advanced.click()
    assert all(form.is_row_shown(name) for name in rows)
    form.advanced.click()
    assert not form.is_row_shown("verification")


def test_hidden_rows_that_were_changed_are_counted(form):
    assert form.advanced.text() == "Advanced"
    form.setValue(FusionConfig(verification="mode", empty=0.0))
    assert form.advanced.text() == "Advanced (2 changed)"
    form.setValue(FusionConfig())
    assert form.advanced.text() == "Advanced"


def test_shows_defaults(form):
    assert form.value() == FusionConfig()


@pytest.mark.binding
@pytest.mark.parametrize(
    "config",
    [
        FusionConfig("umis", checkpoint="/weights/mine.pth", verification="fuzzy"),
        FusionConfig("laplacian", detail_sigma_px=2.5, window_sigma_px=8.0, blend="select"),
        FusionConfig(seam_smoothness=0.0, threads=3, tile_px=64, memory_mb=0, nan_policy="ignore"),
        FusionConfig(empty=0.0, mosaic="bayer"),
        FusionConfig(empty=65535.0),
        FusionConfig("variance", verification="mode", verification_window_px=21, device="cpu"),
    ],
)
def test_round_trip(form, config):
    form.setValue(config)
    assert form.value() == config


def test_rows_without_a_say_are_greyed_out(form):
    form["focus_measure"].value = "laplacian"
    assert form["detail_sigma_px"].enabled
    assert not form.weights.isEnabled()
    assert not form["device"].enabled
    form["focus_measure"].value = "learned"
    assert not form["detail_sigma_px"].enabled
    assert form.weights.isEnabled()
    form["verification"].value = "mode"
    assert form["verification_window_px"].enabled
    assert not form["seam_smoothness"].enabled


def test_weights_are_forgotten_with_the_network(form):
    form.setValue(FusionConfig(checkpoint="/weights/mine.safetensors"))
    form["focus_measure"].value = "variance"
    assert form.value().checkpoint is None


def test_settings_of_napari_are_the_defaults(monkeypatch):
    import napari.settings

    class Settings:
        class fusion:  # noqa: N801
            focus_measure, blend, device, memory_mb = "laplacian", "select", "cpu", 1000

    monkeypatch.setattr(
        napari.settings, "get_plugin_settings", lambda name: Settings, raising=False
    )
    config = FusionConfig("laplacian", blend="select", device="cpu", memory_mb=1000)
    assert defaults.default_config() == config
    Settings.fusion.blend = "nonsense"  # by hand, in the file
    assert defaults.default_config() == FusionConfig()
    monkeypatch.delattr(napari.settings, "get_plugin_settings")  # as before napari 0.9
    assert defaults.default_config() == FusionConfig()
