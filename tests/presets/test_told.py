"""Metadata tell a preset where they are clear, and nothing elsewhere."""

import pytest

from napari_umis_fusion.presets import ChannelOptics, optics_in, told_preset


def told(*channels):
    found = told_preset(channels)
    return None if found is None else found.preset.name


@pytest.mark.parametrize(
    ("optics", "preset"),
    [
        ({"contrast_method": "Brightfield"}, "brightfield"),
        ({"contrast_method": "Brightfield", "illumination": "Epifluorescence"}, "reflected light"),
        ({"contrast_method": "Phase"}, "phase or DIC"),
        ({"contrast_method": "DIC", "name": "DAPI"}, "phase or DIC"),
        ({"contrast_method": "HoffmanModulation"}, "phase or DIC"),
        ({"contrast_method": "Fluorescence"}, "fluorescence"),
        ({"contrast_method": "Darkfield", "name": "brightfield"}, None),
        ({"contrast_method": "Other", "illumination": "Epifluorescence"}, "fluorescence"),
        ({"illumination": "Transmitted"}, None),
        ({"fluorophore": "mVenus"}, "fluorescence"),
        ({"acquisition_mode": "SpinningDiskConfocal"}, "fluorescence"),
        ({"acquisition_mode": "SpinningDiskConfocal", "name": "reflection"}, "reflected light"),
        ({"acquisition_mode": "WideField"}, None),
        ({}, None),
    ],
)
def test_words_of_ome(optics, preset):
    assert told(ChannelOptics(**optics)) == preset


@pytest.mark.parametrize(
    ("preset", "names"),
    [
        ("fluorescence", "DAPI dapi GFP EGFP sfGFP mCherry Cy5 Cy3.5 FITC-2 AF488 tdTomato Fluo"),
        ("brightfield", "BF bright_field Brightfield transmitted_light H&E BF_1"),
        ("phase or DIC", "DIC Ph2 phase-contrast phase_contrast Nomarski TL_DIC"),
        ("reflected light", "reflected reflection_488 epi-brightfield"),
        (None, "C1 channel_1 stack phase bfs dicom gfpx transport cherry_tree Ph position tl"),
    ],
)
def test_whole_words_of_names(preset, names):
    for name in names.split():
        for text in (name, name.upper(), f"img_{name}_z", f"{name.replace('_', ' ')} 1"):
            assert told(ChannelOptics(text)) == preset, text


@pytest.mark.parametrize(
    ("lens", "preset"),
    [
        ("MP-E65mm f/2.8 1-5x Macro Photo", "macro"),
        ("AF-S VR Micro-Nikkor 105mm f/2.8G", "macro"),
        ("EF50mm f/1.8 STM", None),
        ("microscope adapter", None),
    ],
)
def test_lenses_of_cameras(lens, preset):
    assert told(ChannelOptics(lens=lens)) == preset


def test_channels_that_disagree_tell_nothing():
    dapi, gfp, plain, dic = map(ChannelOptics, ("DAPI", "GFP", "channel 3", "DIC"))
    assert told(dapi, gfp, plain) == "fluorescence"
    assert told(dapi, dic) is None
    assert told() is None


def test_the_source_is_told():
    found = told_preset([ChannelOptics("488", "Fluorescence")])
    assert found is not None
    assert found.source == "ContrastMethod 'Fluorescence'"


def test_metadata_of_any_origin_are_searched():
    nested = {"ome": {"images": [{"pixels": {"channels": [{"contrast_method": "DIC"}] * 2}}]}}
    assert optics_in(nested).contrast_method == "DIC"
    assert optics_in({"a": [{"ContrastMethod": "DIC"}, {"ContrastMethod": "Phase"}]}) == (
        ChannelOptics()
    )
    endless: dict[str, object] = {"IlluminationType": "Epifluorescence", "many": [0] * 100_000}
    endless["self"] = endless
    assert optics_in(endless).illumination == "Epifluorescence"
