"""Presets: those of the package, and files of your own."""

import json

import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.presets import (
    PRESETS,
    Preset,
    delete_preset,
    find_preset,
    load_preset,
    preset_folder,
    preset_of,
    save_preset,
    saved_presets,
)
from napari_umis_fusion.presets._preset import KEPT
from napari_umis_fusion.synthetic import RenderConfig, Smear, render_smear

BEADS = Preset("my beads", "Beads.", "They are round.", {"blend": "select", "align": "auto"})


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_each_of_the_package_has_a_reason_and_can_be_told(preset):
    assert preset.specimen.endswith(".")
    assert len(preset.reason) > 40
    config = preset.config()
    assert isinstance(config, FusionConfig)
    assert preset_of(config, PRESETS.values()) is preset
    assert not set(KEPT) & set(preset.options)


def test_the_specimens():
    expected = {"brightfield", "fluorescence", "reflected light", "macro", "phase or DIC"}
    assert set(PRESETS) == {*expected, "thin transmitted"}


def test_thin_transmitted_takes_cells_from_the_plane_of_their_outline():
    """Also where contrast is exaggerated, which islands can only be marked for."""
    for seed, phase in enumerate((-1.2, 1.2)):
        rendered = render_smear(
            Smear(side_px=160, cell_px=26.0, cells=4, phase=phase, seed=seed),
            RenderConfig(photon_electrons=3000.0),
        )
        result = fuse(rendered.stack, PRESETS["thin transmitted"].config())
        cells = rendered.all_in_focus < rendered.all_in_focus.max() * 0.97
        assert (abs(result.index_map - rendered.sub_plane_map)[cells] > 2.5).mean() < 0.02


def test_saved_and_found_again():
    assert saved_presets() == []
    path = save_preset(BEADS)
    assert path.parent == preset_folder()
    assert load_preset(path) == BEADS
    assert saved_presets() == [BEADS]
    assert find_preset("My_Beads") == find_preset(path) == BEADS
    with pytest.raises(ConfigError, match="exists"):
        save_preset(BEADS)
    changed = Preset(BEADS.name, options={"blend": "weighted"})
    save_preset(changed, replace=True)
    assert find_preset("my-beads") == changed
    delete_preset("my beads")
    assert saved_presets() == []


def test_saved_for_others(tmp_path):
    path = save_preset(BEADS, tmp_path / "beads.json")
    assert json.loads(path.read_text("utf-8"))["options"] == dict(BEADS.options)
    assert saved_presets() == []
    assert find_preset(path) == BEADS


@pytest.mark.parametrize("name", ["Kügelchen", "血液", "a/b:c*?", "x" * 60])
def test_every_name_has_a_file(name):
    preset = Preset(name)
    assert load_preset(save_preset(preset)) == preset
    assert find_preset(name) == preset


def test_names_that_look_alike_in_a_file_name_are_presets_of_their_own():
    names = ["a b", "a-b", "Zellen ä", "Zellen ö", "血液涂片明场一", "血液涂片明场二", "preset"]
    for name in names:
        save_preset(Preset(name, name))
    assert {one.name for one in saved_presets()} == set(names)
    save_preset(Preset("A-B", "changed"), replace=True)
    assert find_preset("a b").specimen == "a b"
    delete_preset("Zellen ä")
    assert find_preset("Zellen ö").specimen == "Zellen ö"


def test_files_that_another_process_writes_are_not_there_yet(recwarn):
    path = save_preset(BEADS)
    (path.parent / f".{path.name}").write_text("half")
    assert saved_presets() == [BEADS]
    assert not recwarn


def test_options_of_stack_and_machine_stay():
    config = FusionConfig(channel=2, threads=3, memory_mb=77, checkpoint="mine.safetensors")
    preset = Preset.of(config, "mine")
    assert preset.options == {}
    applied = PRESETS["fluorescence"].apply_to(config)
    assert (applied.channel, applied.threads, applied.memory_mb) == (2, 3, 77)
    assert applied.checkpoint == "mine.safetensors"
    assert PRESETS["thin transmitted"].apply_to(config).checkpoint is None
    assert PRESETS["fluorescence"].is_of(applied)
    assert preset_of(FusionConfig(tile_px=64, window_sigma_px=5.5), PRESETS.values()) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", "", "", {}), "name=''"),
        (("two\nlines", "", "", {}), "in one line"),
        (("x" * 61, "", "", {}), "61 characters"),
        ((3, "", "", {}), "name is int"),
        (("a", "", "y" * 2001, {}), "reason is 2001 characters"),
        (("a", "", "", {"device": "cuda"}), "sets device; leave it out"),
        (("a", "", "", {"checkpoint": "w.pth"}), "sets checkpoint"),
        (("a", "", "", {"colour": 1}), "unknown option colour"),
        (("a", "", "", {"blend": "nicely"}), "accepted are select, weighted"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Preset(*arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "it is not JSON"),
        ("\udcb6", "it is no text"),  # a byte that no text in UTF-8 has
        ("[]", "is no preset"),
        ('{"kind": "napari-umis-fusion training"}', "is no preset"),
        ('{"kind": "napari-umis-fusion preset", "name": "a", "options": [1]}', "options are list"),
        ('{"kind": "napari-umis-fusion preset", "name": "a", "options": {"x": 1}}', "unknown"),
        ('{"kind": "napari-umis-fusion preset"}', "name=''"),
    ],
)
def test_other_files_are_refused_by_name(text, message, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(ConfigError, match=message) as caught:
        load_preset(path)
    assert str(path) in str(caught.value)


def test_broken_files_hide_no_others():
    save_preset(BEADS)
    (preset_folder() / "a.json").write_text("{", "utf-8")
    with pytest.warns(UserWarning, match=r"preset left out: .*a\.json"):
        assert saved_presets() == [BEADS]
    delete_preset("my beads")
    with pytest.raises(ConfigError, match="no preset 'my beads' of your own"):
        delete_preset("my beads")


def test_names_of_the_package_are_taken(tmp_path):
    for path in (None, tmp_path / "p.json"):
        with pytest.raises(ConfigError, match="give yours another name"):
            save_preset(Preset("Brightfield"), path)
        with pytest.raises(ConfigError, match="stands for the default options; give yours another"):
            save_preset(Preset("Default"), path)
    with pytest.raises(ConfigError, match=r"saved as \.json"):
        save_preset(BEADS, tmp_path / "p.txt")
    with pytest.raises(ConfigError, match="there is no preset 'metal'"):
        find_preset("metal")
    with pytest.raises(ConfigError, match=r"nowhere\.json"):
        find_preset(tmp_path / "nowhere.json")
