"""Q^AB/F against a twin of the published formulas, and what it rewards wrongly."""

from math import atan, exp, hypot, inf, pi

import numpy as np
import pytest

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.metrics import edge_preservation
from napari_umis_fusion.synthetic import make_stack


def strength_kept(ratio):
    return 0.9994 / (1 + exp(-15 * (ratio - 0.5)))


def orientation_kept(alignment):
    return 0.9879 / (1 + exp(-22 * (alignment - 0.8)))


ALL_KEPT = strength_kept(1) * orientation_kept(1)


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def ramp(degrees, size=24, steepness=3.0, centre=128.0):
    """Make grey that rises in one direction."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    angle = np.deg2rad(degrees)
    return centre + steepness * (np.cos(angle) * x + np.sin(angle) * y)


def measured(fused, *planes):
    return edge_preservation(fused, planes, grey_range=(0, 255))


def edge_twin(grey, y, x):
    """Strength and orientation of one pixel, with arctan as published."""
    around = np.pad(np.asarray(grey, float), 1, mode="edge")[y : y + 3, x : x + 3]
    sx = around[:, 2] @ (1, 2, 1) - around[:, 0] @ (1, 2, 1)
    sy = around[2] @ (1, 2, 1) - around[0] @ (1, 2, 1)
    return hypot(sx, sy), atan(sy / sx if sx else inf * sy)


def twin(fused, planes):
    kept = total = 0
    for plane in planes:
        for y, x in np.ndindex(fused.shape):
            (g, angle), (g_fused, angle_fused) = edge_twin(plane, y, x), edge_twin(fused, y, x)
            ratio = g_fused / g if g > g_fused else g / g_fused
            turn = abs(angle - angle_fused)
            turn = pi - turn if turn > pi / 2 else turn
            kept += g * strength_kept(ratio) * orientation_kept(1 - turn / (pi / 2))
            total += g
    return kept / total


@pytest.mark.parametrize("shape", [(1, 5, 7), (2, 1, 9), (2, 9, 1), (3, 13, 8), (5, 10, 11)])
def test_it_equals_loops_over_the_published_formulas(shape):
    stack, fused = noise(shape), noise(shape[1:], seed=1)
    near = (0.9 * stack[0] + 0.1 * fused).astype(np.uint8)
    for image in (fused, near):
        assert edge_preservation(image, stack) == pytest.approx(twin(image, stack), rel=1e-4)


def test_an_image_keeps_all_of_itself_which_is_less_than_one_as_published():
    assert pytest.approx(0.97479, abs=1e-5) == ALL_KEPT
    for image in (noise((9, 14)), noise((9, 14, 3)), noise((9, 14, 2))):
        assert edge_preservation(image, [image]) == pytest.approx(ALL_KEPT, rel=1e-5)


@pytest.mark.parametrize(
    ("fused", "expected"),
    [
        (ramp(0), ALL_KEPT),
        (ramp(0, centre=90), ALL_KEPT),
        (ramp(180), ALL_KEPT),
        (ramp(0, steepness=1.5), strength_kept(0.5) * orientation_kept(1)),
        (ramp(0, steepness=6), strength_kept(0.5) * orientation_kept(1)),
        (ramp(0, steepness=0), strength_kept(0) * orientation_kept(1)),
        (ramp(90), 0),
    ],
    ids=["same", "brighter", "opposite", "weaker", "stronger", "flat", "quarter turn"],
)
def test_it_by_hand(fused, expected):
    assert measured(fused, ramp(0)) == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("degrees", range(0, 360, 15))
def test_half_a_turn_loses_nothing(degrees):
    assert measured(ramp(degrees + 180), ramp(degrees)) == pytest.approx(ALL_KEPT, rel=1e-4)


@pytest.mark.parametrize("degrees", [0, 45, 90, 135, 180, 270])
def test_a_small_turn_costs_the_same_in_every_direction(degrees):
    """Also across 90 degrees, where arctan jumps from a quarter turn to minus one."""
    turned = measured(ramp(degrees + 5), ramp(degrees - 5))
    expected = strength_kept(1) * orientation_kept(1 - 10 / 90)
    assert turned == pytest.approx(expected, rel=0.02)


def test_every_plane_counts_by_its_edge_strength():
    strong, weak, fused = ramp(90, steepness=6), ramp(0, steepness=2), ramp(0, steepness=2)
    assert measured(fused, weak, strong) == pytest.approx(ALL_KEPT / 4, rel=1e-3)
    assert measured(fused, strong, weak) == measured(fused, weak, strong)
    assert measured(fused, weak, ramp(0, steepness=0)) == pytest.approx(ALL_KEPT, rel=1e-4)


def test_planes_without_an_edge_are_refused():
    with pytest.raises(
        StackError, match=r"no plane has an edge; accepted are planes that are not flat"
    ):
        measured(ramp(0), np.full((24, 24), 9), np.full((24, 24), 99))


@pytest.mark.parametrize("scene", ["bars", "discs", "fluorescence"])
def test_the_mean_of_the_planes_beats_the_truth(scene):
    kept = {}
    for planes in (2, 6):
        rendered = make_stack(scene, (64, 80), planes=planes)
        grey_range = (0.0, float(rendered.data_range))
        images = {"truth": rendered.all_in_focus, "mean": rendered.stack.mean(axis=0)}
        for name, image in images.items():
            kept[name, planes] = edge_preservation(image, rendered.stack, grey_range=grey_range)
    assert kept["mean", 2] > kept["truth", 2]
    assert kept["mean", 6] > kept["truth", 6] + 0.05
    assert kept["truth", 6] < kept["truth", 2] - 0.1, "though it is as good an answer"
