"""Borders and corners that hold no picture: straight, slanted, dark and bright."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

SHAPE, PLANES = (120, 150), 7
ROWS, COLUMNS = np.indices(SHAPE)
CORNERS = {
    "flat": ROWS + 0.08 * COLUMNS < 9,
    "steep": COLUMNS + 0.05 * ROWS < 5,
    "rotated": (ROWS < 0.06 * COLUMNS) | (119 - ROWS < 0.06 * (149 - COLUMNS)),
    "slope": ROWS < 4 + 0.03 * COLUMNS,
}


@pytest.fixture(scope="module")
def stack():
    return make_stack("bars", SHAPE, planes=PLANES, channels=None, noisy=True, seed=4).stack


def healths_of(stack):
    return judge_planes(measure_plane(z, plane) for z, plane in enumerate(stack))


@pytest.mark.parametrize(("value", "z"), [(0, 3), (128, 0), (255, 3)])
@pytest.mark.parametrize("name", CORNERS)
def test_slanted_padding_is_left_out(stack, name, z, value):
    padded = stack.copy()
    padded[z][CORNERS[name]] = value
    found = healths_of(padded)
    assert [one.z for one in found if one.findings] == [z]
    assert found[z].findings in (("padded",), ("torn",)), "as of whole rows of tiles"
    lost = found[z].unusable(padded[z])
    assert lost[CORNERS[name]].all()
    assert lost.mean() < CORNERS[name].mean() + 0.05


def test_planes_of_one_line_have_no_border():
    planes = np.random.default_rng(0).integers(0, 4, (7, 1, 300), np.uint8)
    planes[3, 0, :5] = planes[5, 0, -4:] = 2
    assert not any("padded" in one.findings for one in healths_of(planes))
    assert not any("padded" in one.findings for one in healths_of(planes.swapaxes(1, 2)))


def test_a_burnt_ground_that_focus_spreads_is_no_padding(stack):
    shown = stack.astype(np.float64)
    for z in range(PLANES):
        shown[z] += np.clip(400 - 30 * np.arange(SHAPE[0]) + 40 * abs(z - 3), 0, None)[:, None]
    assert not any(one.findings for one in healths_of(np.clip(shown, 0, 255).astype(np.uint8)))


@pytest.mark.parametrize("value", [0, 255])
def test_a_burnt_or_dark_corner_of_the_specimen_is_no_padding(stack, value):
    """Its edge is straight where it is in focus, and soft in the planes before and after."""
    shown = stack.astype(np.float64)
    for z in range(PLANES):
        place = COLUMNS + 0.1 * ROWS - 140 + 0.5 * z
        hidden = np.clip(place / (1 + 4 * abs(z - 3)) + 0.5, 0, 1)
        shown[z] += hidden * (value - shown[z])
    found = healths_of(np.rint(shown).astype(stack.dtype))
    assert all(one.is_sound and not one.findings for one in found)


def test_padding_that_grows_from_plane_to_plane(stack):
    padded = stack.copy()
    for z in range(PLANES):
        padded[z][0.02 * (z + 2) * COLUMNS > ROWS] = 0
    found = healths_of(padded)
    assert [one.z for one in found if "padded" in one.findings] == list(range(PLANES))


@pytest.mark.parametrize(
    "where", [ROWS + COLUMNS < 60, np.hypot(ROWS - 60, COLUMNS - 75) > 70], ids=["stop", "eyepiece"]
)
def test_what_all_planes_have_is_no_padding(stack, where):
    framed = stack.copy()
    framed[:, where] = 0
    assert all(one.is_sound and not one.findings for one in healths_of(framed))


def test_a_round_field_of_view_of_one_plane_is_no_slope(stack):
    framed = np.maximum(stack, 1)
    framed[:, np.hypot(ROWS - 60, COLUMNS - 75) > 85] = 0
    framed[3, np.hypot(ROWS - 60, COLUMNS - 75) > 83] = 0
    assert all(one.is_sound for one in healths_of(framed))


@pytest.mark.parametrize("z", [0, PLANES - 1])
def test_bright_padding_of_the_first_and_last_plane_is_left_out(stack, z):
    padded = stack.copy()
    padded[z][:3] = 255
    found = healths_of(padded)[z]
    assert found.findings == ("padded",)
    assert found.unusable(padded[z])[:3].all()


@pytest.mark.parametrize("z", [0, 3])
@pytest.mark.parametrize("side", range(4))
def test_a_border_that_repeats_one_line_is_left_out(stack, side, z):
    """As of a file that is cut short, or of a plane that was moved and filled from its edge."""
    spoilt, where = stack.copy(), np.zeros(SHAPE, np.bool_)
    turned, lost = ((one, one[::-1], one.T, one.T[::-1])[side] for one in (spoilt[z], where))
    turned[:20], lost[:20] = turned[20], True
    found = healths_of(spoilt)
    assert [one.z for one in found if one.findings] == [z]
    assert found[z].findings == ("torn",)
    unusable = found[z].unusable(spoilt[z])
    assert unusable[where].all()
    assert unusable.sum() <= where.sum() + max(SHAPE)


def test_lines_that_all_planes_repeat_are_the_specimen(stack):
    repeated = stack.copy()
    repeated[:, :20] = repeated[:, 20:21]
    assert all(one.is_sound and not one.findings for one in healths_of(repeated))


def test_black_borders_of_two_planes_that_follow_each_other(stack):
    padded = np.maximum(stack, 30)
    for z in (2, 3):
        padded[z][:4], padded[z][:, -5:] = 0, 0
    found = healths_of(padded)
    assert [one.z for one in found if one.findings] == [2, 3]
    for z in (2, 3):
        lost = found[z].unusable(padded[z])
        assert lost[:4].all()
        assert lost[:, -5:].all()


def test_an_even_ground_that_is_rounded_to_one_value_is_no_padding(stack):
    """As of a renderer: a slope of light whose first lines hold one value, in some planes more."""
    slope = np.clip(200.4 + 0.05 * np.arange(SHAPE[0]), 0, 255)[:, None]
    rounded = np.repeat(np.rint(slope + 0 * COLUMNS)[None], PLANES, axis=0)
    for z in range(PLANES):
        rounded[z] = np.rint(slope + 0.12 * z)
        rounded[z, 60:100] = stack[z, 60:100]
    assert all(one.is_sound and not one.findings for one in healths_of(rounded.astype(np.uint8)))


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize(("side", "step"), [(0, 1), (1, 2), (2, 3), (3, 1)])
def test_borders_that_grow_line_by_line_are_left_out(stack, side, step, value):
    """As of planes that other software has moved, whatever the value."""
    padded = np.clip(stack, 1, 254)
    for z, plane in enumerate(padded):
        turned = (plane, plane[::-1], plane.T, plane.T[::-1])[side]
        turned[: step * z] = value
    found = healths_of(padded)
    assert [one.z for one in found if one.findings] == list(range(1, PLANES))
    for z in range(1, PLANES):
        lost, ends = found[z].unusable(padded[z]), padded[z] == value
        assert lost[ends].all()
        assert lost.sum() <= ends.sum() + 2 * max(SHAPE)


def test_a_dark_ground_that_light_reaches_step_by_step_is_no_border(stack):
    """As of fluorescence without an offset: the ground is 0, and ends where defocus ends."""
    shown = stack.astype(np.float64)
    for z in range(PLANES):
        reach = np.clip((ROWS - 20) / (6 + 6 * abs(z - 3)) + 0.5, 0, 1) ** 2
        shown[z] *= reach
    found = healths_of(shown.astype(np.uint8))
    assert all(one.is_sound for one in found)
