"""What tells results apart."""

import json

import pytest

from napari_umis_fusion import FusionConfig, LayerPlan
from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.layers import describe_result, difference_tag
from napari_umis_fusion.layers._names import part_tag


def metadata(shape=(7, 6, 5), plan=None, **options):
    config = FusionConfig(**options).as_dict()
    run = {"config": config, "stack": {"shape": list(shape)}, "plan": plan or {}}
    return {RUN_KEY: json.loads(json.dumps(run))}


@pytest.mark.parametrize(
    ("options", "tag"),
    [
        ({}, ""),
        ({"threads": 3, "memory_mb": 1, "tile_px": 64, "device": "cpu"}, ""),
        ({"focus_measure": "laplacian"}, "[laplacian] "),
        ({"blend": "select", "verification": "mode"}, "[mode, select] "),
        ({"seam_smoothness": 2.5}, "[seam cost 2.5] "),
        ({"median_filter": True}, "[median filter] "),
        ({"checkpoint": "/home/me/mine.safetensors"}, "[weights mine] "),
        ({"align": "auto", "blend": "select", "channel": 1, "nan_policy": "ignore"}, "+2] "),
    ],
)
def test_a_tag_names_what_differs(options, tag):
    found = difference_tag(metadata(**options), metadata())
    assert found.endswith(tag)
    assert bool(found) == bool(tag)


def test_the_default_differs_from_another_value_too():
    assert difference_tag(metadata(), metadata(median_filter=True)) == "[no median filter] "
    assert difference_tag(metadata(), metadata(checkpoint="a.pt")) == "[weights of the package] "


def test_a_result_is_described_by_method_and_part():
    plan = {"planes": [2, 5], "rows": [0, 9]}
    made = metadata(plan=plan, focus_measure="laplacian", window_sigma_px=12.0, align="auto")
    assert describe_result(made) == (
        "laplacian, seams, weighted, window 12, align planes auto; 7 planes; planes 2 to 5; "
        "rows 0 to 9"
    )


@pytest.mark.parametrize(
    "foreign", [{}, {RUN_KEY: None}, {RUN_KEY: {"config": [1]}}, {"other": {"config": {}}}]
)
def test_other_layers_have_neither(foreign):
    assert describe_result(foreign) == ""
    assert difference_tag(foreign, metadata()) == difference_tag(metadata(), foreign) == ""


def test_results_of_other_versions_are_described_as_far_as_known():
    old = {RUN_KEY: {"config": {"blend": "select", "gone": 3}, "stack": {"shape": "?"}, "plan": 1}}
    assert describe_result(old) == "select"


@pytest.mark.parametrize(
    ("plan", "tag"),
    [
        ({}, ""),
        ({"rows": (0, 3)}, "[region] "),
        ({"columns": (0, 3), "planes": (1, 1)}, "[region, planes 1-1] "),
    ],
)
def test_the_part_is_tagged(plan, tag):
    assert part_tag(LayerPlan(**plan)) == tag
