"""Rows of the method and the fields of the config are one thing."""

from dataclasses import fields

import pytest

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.plugin.fusion import _defaults as defaults
from napari_umis_fusion.plugin.fusion._method_form import ELSEWHERE, MethodForm


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
            assert form.weights.toolTip().lower().startswith(spec.metadata["help"].lower())
            continue
        row, meta = form[spec.name], spec.metadata
        assert row.tooltip.lower().startswith(meta["help"].lower())
        if "min" in meta:
            assert (row.min, row.max) == (meta["min"], meta["max"])
            assert not meta["unit"] or f"({meta['unit']})" in row.label
        if "choices" in meta:
            assert tuple(row.choices) == tuple(meta["choices"])


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
