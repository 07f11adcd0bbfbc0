"""Planes that are not sound do not mislead the fusion, whichever way they are fused."""

import json
from functools import cache

import numpy as np
import pytest

from napari_umis_fusion import fuse, fuse_layer, iter_fuse
from napari_umis_fusion.fusion.depth._depth_fit import OPEN_ERROR
from napari_umis_fusion.fusion.planes._grey_planes import GreyPlanes
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.runtime import Progress
from napari_umis_fusion.stack import Stack
from napari_umis_fusion.synthetic import SCENES, make_stack

SHAPE = (80, 96)
PLANES = 7
MIDDLE = PLANES // 2
FAST = {"focus_measure": "laplacian"}
WAYS = {
    "default": {},
    "copied": {"blend": "select"},
    "classical": FAST,
    "classical, copied": {**FAST, "blend": "select"},
    "filtered": {**FAST, "verification": "mode", "verification_window_px": 9},
    "filtered, copied": {
        **FAST,
        "verification": "fuzzy",
        "verification_window_px": 9,
        "blend": "select",
    },
    "unverified": {**FAST, "verification": "none"},
    "one light": {**FAST, "light": "output"},
    "one light, copied": {**FAST, "light": "output", "blend": "select"},
    "aligned": {**FAST, "align": "auto"},
}

LIT = ("one light", "one light, copied", "aligned")
"""Ways that compare the light of all planes, stand-ins too: it is not told to the last bit."""


@pytest.fixture(scope="module")
def grey():
    options = {"dtype": "uint16", "full_scale": 20000.0, "offset": 0.0}
    return make_stack("bumps", SHAPE, planes=PLANES, channels=None, noisy=True, **options).stack


@pytest.fixture(scope="module")
def colour():
    stack = make_stack("bumps", SHAPE, planes=PLANES, noisy=True).stack
    return np.clip(stack, 1, 250)


@pytest.fixture(scope="module")
def undamaged(grey):
    """Return what the stack as it should be gives, by way of fusing; each is made once."""
    return cache(lambda way: fuse(grey, **WAYS[way]))


def alike(image, expected):
    return psnr(image.astype(np.float64), expected.astype(np.float64), data_range=expected.max())


def without(stack, lost, **options):
    """Fuse the other planes; returns the image, and the index map in planes of the whole stack."""
    kept = [z for z in range(len(stack)) if z not in lost]
    result = fuse(stack[kept], **options)
    return result.all_in_focus, np.array(kept)[result.index_map]


LOST = [0], [PLANES - 1], [MIDDLE], [2, 3], [0, 5]
SOME_LOST = [MIDDLE], [0, 5]
"""For ways that share how planes are left out with the first one."""


@pytest.mark.parametrize(
    ("way", "lost"),
    [(way, lost) for way in WAYS for lost in (LOST if way == "default" else SOME_LOST)],
    ids=str,
)
def test_blank_planes_are_as_if_they_were_not_there(way, lost, grey):
    stack = grey.copy()
    stack[lost] = 0
    result = fuse(stack, **WAYS[way])
    image, index = without(grey, lost, **WAYS[way])
    assert alike(result.all_in_focus, image) > 40
    assert np.mean(result.index_map != index) < (0.06 if way in LIT else 0.02)
    assert not np.isin(result.index_map, lost).any()
    named = f"plane {lost[0]} is" if len(lost) == 1 else f"planes {lost[0]}, {lost[1]} are"
    assert f"{named} blank: left out" in result.notes
    assert [one.z for one in result.health if one.is_left_out] == lost
    assert [one["plane"] for one in result.provenance["health"]] == lost
    json.dumps(result.provenance)


@pytest.mark.parametrize("value", [0, 65535, 7000])
@pytest.mark.parametrize("measure", ["learned", "umis"])
def test_networks_never_see_a_blank_plane(measure, value, grey):
    stack = grey.copy()
    stack[2] = value
    image, index = without(grey, [2], focus_measure=measure)
    result = fuse(stack, focus_measure=measure)
    assert alike(result.all_in_focus, image) > 45
    assert np.mean(result.index_map != index) < 0.02


def test_the_range_of_grey_is_that_of_a_sound_plane(grey):
    stack = grey.copy()
    stack[MIDDLE] = 65535
    stack[MIDDLE + 1] = 0
    result = fuse(stack, focus_measure="learned")
    image, _ = without(grey, [MIDDLE, MIDDLE + 1])
    assert alike(result.all_in_focus, image) > 45


@pytest.mark.parametrize("way", WAYS)
def test_a_torn_plane_gives_what_it_shows_and_no_more(way, grey, undamaged):
    stack = grey.copy()
    stack[MIDDLE, 40:] = 0
    result = fuse(stack, **WAYS[way])
    image, _ = without(grey, [MIDDLE], **WAYS[way])
    assert alike(result.all_in_focus[44:], image[44:]) > 35
    whole = undamaged(way)
    assert alike(result.all_in_focus[:36], whole.all_in_focus[:36]) > 35
    assert (result.index_map[:36] == MIDDLE).any()
    assert not (result.index_map[40:] == MIDDLE).any()
    assert any(f"plane {MIDDLE} is torn" in note for note in result.notes)


@pytest.mark.parametrize("torn", [1, 3])
def test_a_torn_plane_does_not_make_its_neighbour_compare_with_itself(torn):
    stack = make_stack("bumps", SHAPE, planes=5, noisy=True, seed=1).stack
    image, _ = without(stack, [torn])
    stack[torn, 32:] = 0
    for order in (1, -1):
        result = fuse(stack[::order])
        assert alike(result.all_in_focus[40:], image[40:]) > 40


GAINS = [(z, gain) for z in (0, 1, MIDDLE) for gain in (0.25, 0.6, 1.5, 1.8, 2.5)]
SOME_GAINS = [(0, 2.5), (1, 0.25), (MIDDLE, 1.5)]
"""For ways that share how planes are scaled with the classical one."""


@pytest.mark.parametrize(
    ("way", "z", "gain"),
    [
        (way, *case)
        for way in WAYS
        if "copied" not in way
        for case in (GAINS if way == "classical" else SOME_GAINS)
    ],
)
def test_an_odd_light_changes_nothing(way, z, gain, grey, undamaged):
    stack = grey.copy()
    stack[z] = np.rint(grey[z] * gain)
    expected, result = undamaged(way), fuse(stack, **WAYS[way])
    assert alike(result.all_in_focus, expected.all_in_focus) > 40
    share = [float((one.index_map == z).mean()) for one in (expected, result)]
    assert share[1] == pytest.approx(share[0], abs=0.02)
    assert result.all_in_focus.mean() == pytest.approx(expected.all_in_focus.mean(), rel=0.01)
    assert any(f"plane {z} is" in note and "scaled to them" in note for note in result.notes)
    assert result.health[z].gain == pytest.approx(gain, rel=0.02)


@pytest.mark.parametrize("gain", [0.5, 1.8])
@pytest.mark.parametrize("way", ["copied", "classical, copied", "filtered, copied"])
def test_copied_values_are_recorded_ones(way, gain, grey):
    stack = grey.copy()
    stack[MIDDLE] = np.rint(grey[MIDDLE] * gain)
    result = fuse(stack, **WAYS[way])
    where = result.source_map[None].astype(int)
    np.testing.assert_array_equal(result.all_in_focus, np.take_along_axis(stack, where, 0)[0])
    image, _ = without(grey, [MIDDLE], **WAYS[way])
    assert alike(result.all_in_focus, image) > 30
    assert any(f"plane {MIDDLE} is" in note and "times as bright" in note for note in result.notes)


def test_clipped_pixels_come_from_other_planes(colour):
    stack = colour.copy()
    stack[2] = (colour[2] * 1.8).clip(0, 255).astype(np.uint8)
    assert (stack[2] == 255).mean() > 0.02
    result = fuse(stack, **FAST)
    assert alike(result.all_in_focus, fuse(colour, **FAST).all_in_focus) > 35
    lost = (stack[2] == 255).any(axis=-1)
    assert not (result.index_map[lost] == 2).any()
    assert "without its clipped pixels" in result.notes[0]


@pytest.mark.parametrize("z", [0, 3])
@pytest.mark.parametrize("gain", [1.25, 1.8])
@pytest.mark.parametrize("name", ["bumps", "weak_texture"])
def test_what_is_left_of_a_clipped_plane_is_no_worse_than_none_of_it(name, gain, z):
    made = make_stack(name, (96, 112), planes=7, noisy=True, seed=3)
    stack = made.stack.copy()
    stack[z] = (stack[z] * gain).clip(0, 255).astype(np.uint8)
    image, _ = without(stack, [z], **FAST)
    got, least = (
        psnr(each.astype(np.float64), made.all_in_focus, data_range=made.data_range)
        for each in (fuse(stack, **FAST).all_in_focus, image)
    )
    assert got > least - 0.05


@pytest.mark.parametrize("way", ["classical", "classical, copied", "unverified"])
def test_what_a_plane_lost_is_measured_by_the_planes_around(way, grey, monkeypatch):
    """Streaks of the pixels around a gap would be taken for detail, or smear what is there."""
    seen, add = [], GreyPlanes.iter_add

    def keep(self, checked, z):
        known = yield from add(self, checked, z)
        seen.extend(one.grey.copy() for one in known)
        return known

    monkeypatch.setattr(GreyPlanes, "iter_add", keep)
    stack = grey.copy()
    stack[2, 30:50] = 0
    fuse(stack, **WAYS[way])
    before, lost, after = (image[33:47] for image in seen[1:4])
    assert (lost >= np.minimum(before, after) - 0.01).all()
    assert (lost <= np.maximum(before, after) + 0.01).all()
    assert np.abs(seen[2][:25] - seen[1][:25]).max() > 0


def test_a_plane_without_one_of_its_colours_is_left_out(colour):
    stack = colour.copy()
    stack[MIDDLE, ..., 1] = 0
    image, _ = without(colour, [MIDDLE], **FAST)
    result = fuse(stack, **FAST)
    assert alike(result.all_in_focus, image) > 60
    assert result.notes == (f"plane {MIDDLE} is blank in a channel: left out",)


@pytest.mark.parametrize("gain", [0.5, 2.0])
@pytest.mark.parametrize("way", ["copied", "classical, copied", "filtered, copied"])
def test_a_plane_lit_otherwise_decides_and_others_lend_its_values(way, gain, grey, undamaged):
    stack = grey.copy()
    stack[MIDDLE] = np.rint(gain * stack[MIDDLE])
    sound, result = undamaged(way), fuse(stack, **WAYS[way])
    share, expected = ((one.index_map == MIDDLE).mean() for one in (result, sound))
    assert expected > 0.1
    assert abs(share - expected) < 0.03
    left_out, _ = without(grey, [MIDDLE], **WAYS[way])
    truth = sound.all_in_focus
    assert alike(result.all_in_focus, truth) > alike(left_out, truth) + 2
    where = result.source_map[None].astype(int)
    np.testing.assert_array_equal(result.all_in_focus, np.take_along_axis(stack, where, 0)[0])
    assert any("scaled to measure focus" in note for note in result.notes)


def test_planes_without_values(grey):
    stack = grey.astype(np.float32)
    stack[MIDDLE] = np.nan
    image, _ = without(grey.astype(np.float32), [MIDDLE])
    assert alike(fuse(stack, nan_policy="ignore").all_in_focus, image) > 45


@pytest.mark.parametrize("blend", ["select", "weighted"])
@pytest.mark.parametrize("planes", [1, 2, 5])
def test_a_stack_of_blank_planes_gives_a_blank_image(planes, blend):
    stack = np.full((planes, 40, 48), 9, np.uint8)
    if planes == 1:
        with pytest.warns(UserWarning, match="one plane"):
            result = fuse(stack, blend=blend)
    else:
        result = fuse(stack, blend=blend)
    assert (result.all_in_focus == 9).all()


def test_one_plane_left_is_the_image(grey):
    stack = np.zeros_like(grey)
    stack[2] = grey[2]
    result = fuse(stack)
    np.testing.assert_array_equal(result.all_in_focus, grey[2])
    assert (result.index_map == 2).all()


def test_no_peak_is_drawn_through_planes_that_are_not_neighbours(grey):
    stack = grey.copy()
    stack[2] = 0
    result = fuse(stack, **FAST, verification="none", depth_error=True)
    beside = np.isin(result.index_map, (1, 3))
    assert beside.any()
    # At most, their depths follow a slope that leads there.
    assert (result.sub_plane_error_map[beside] >= OPEN_ERROR - 1e-6).all()
    assert (result.sub_plane_error_map[~beside] < OPEN_ERROR).any()


def speckled(stack, count=12):
    rng = np.random.default_rng(0)
    spoilt, places = stack.copy(), np.zeros(stack.shape, np.bool_)
    for _ in range(count):
        place = tuple(
            rng.integers(4, side - 4) if side > 20 else rng.integers(side) for side in stack.shape
        )
        spoilt[place] = 60000
        places[place] = True
    return spoilt, places


@pytest.mark.parametrize("way", [name for name in WAYS if name != "aligned"])
def test_specks_of_one_plane_do_not_count(way, grey, undamaged):
    stack, places = speckled(grey)
    expected, result = undamaged(way), fuse(stack, **WAYS[way])
    assert alike(result.all_in_focus, expected.all_in_focus) > 35
    assert (result.all_in_focus > 30000).sum() <= 1
    assert sum(one.specks for one in result.health) >= 11
    assert any("(specks)" in note for note in result.notes)
    if WAYS[way].get("blend") == "select" and WAYS[way].get("light") != "output":
        where = result.source_map[None].astype(int)
        np.testing.assert_array_equal(result.all_in_focus, np.take_along_axis(stack, where, 0)[0])
        assert np.take_along_axis(places, where, 0).sum() <= 1
    json.dumps(result.provenance)


def swimming(stack, step_px):
    """Return the stack with a dark rod that swims through it, and where it is."""
    spoilt, places = stack.astype(np.float64), np.zeros(stack.shape, np.bool_)
    for z, plane in enumerate(spoilt):
        place = np.s_[34:42, 4 + step_px * z : 18 + step_px * z]
        plane[place] *= 0.4
        places[z][place] = True
    return np.rint(spoilt).astype(stack.dtype), places


@pytest.mark.parametrize("way", ["default", "copied", "classical", "filtered", "filtered, copied"])
def test_what_swims_is_rejected_on_request(way):
    sound = make_stack("discs", SHAPE, planes=PLANES, channels=None, noisy=True).stack
    stack, places = swimming(sound, 12)
    expected = fuse(sound, **WAYS[way]).all_in_focus
    kept, rejected = (fuse(stack, **WAYS[way], moving=how) for how in ("keep", "reject"))
    # The network is not much misled by what is in one place in one plane only; the others are.
    gain = 0 if way in ("default", "copied") else 4
    assert alike(rejected.all_in_focus, expected) > alike(kept.all_in_focus, expected) + gain
    assert alike(rejected.all_in_focus, expected) > 30
    assert sum(one.moving > 0 for one in rejected.health) >= 4
    assert not any(one.moving for one in kept.health)
    assert any("(moving)" in note for note in rejected.notes)
    if way == "copied":
        where = rejected.source_map[None].astype(int)
        np.testing.assert_array_equal(rejected.all_in_focus, np.take_along_axis(stack, where, 0)[0])
        assert np.take_along_axis(places, where, 0).mean() < 0.005


@pytest.mark.parametrize("name", SCENES)
def test_where_nothing_moves_nothing_is_rejected(name):
    for seed in range(3):
        stack = make_stack(name, SHAPE, planes=PLANES, noisy=True, seed=seed).stack
        kept, rejected = (fuse(stack, **FAST, moving=how) for how in ("keep", "reject"))
        np.testing.assert_array_equal(rejected.all_in_focus, kept.all_in_focus)


def test_progress_does_not_run_back_when_what_moves_is_looked_for(grey):
    shares = [
        event.done / event.total
        for event in iter_fuse(grey, **FAST, moving="reject")
        if isinstance(event, Progress) and event.stage == "measuring"
    ]
    assert shares == sorted(shares)
    assert shares[-1] == 1


class Counted(Stack):
    """A stack that counts how often planes are read."""

    def __init__(self, planes):
        self.planes, self.shape, self.dtype = planes, planes.shape, planes.dtype
        self.read = [0] * len(planes)

    def plane(self, z):
        self.read[z] += 1
        return self.planes[z]


@pytest.mark.parametrize(("light", "times"), [("none", 1), ("measure", 2)])
def test_sound_planes_are_read_no_more_often_for_it(grey, light, times):
    stack = Counted(np.concatenate([grey, grey[-2::-1]]))
    result = fuse(stack, **FAST, light=light, mosaic="none", islands="keep")
    spare = [count - times for z, count in enumerate(stack.read) if z != len(stack) // 2]
    # Some planes are looked at once for what stands still on the sensor, whatever their health.
    assert set(spare) <= {0, 1}
    assert 0 in spare
    assert [one.z for one in result.health] == list(range(len(stack)))
    assert "health" not in result.provenance or all(one.is_sound for one in result.health)


@pytest.mark.parametrize("options", [{}, {"align": "translation"}], ids=str)
def test_stacks_of_a_layer(grey, options):
    movie = np.stack([grey, grey])
    movie[0, 2] = 0
    movie[1, MIDDLE] = movie[1, MIDDLE] // 2
    layer = (movie, {"name": "cells", "axis_labels": ("t", "z", "y", "x")})
    image = fuse_layer(layer, **FAST, **options)[0]
    expected = np.stack([without(grey, [2], **FAST)[0], fuse(grey, **FAST).all_in_focus])
    assert alike(image[0], expected) > 40
    notes = image[1]["metadata"]["umis_fusion"]["notes"]
    assert "t=0: plane 2 is blank: left out" in notes
    assert any(note.startswith(f"t=1: plane {MIDDLE} is 0.5") for note in notes)


@pytest.mark.parametrize("blend", ["weighted", "select"])
def test_light_that_fades_is_measured_where_nobody_said_otherwise(grey, blend):
    gains = np.geomspace(1, 0.4, PLANES)[:, None, None]
    fading = (grey * gains).astype(grey.dtype)
    right = fuse(grey, **FAST, blend=blend)
    result = fuse(fading, **FAST, blend=blend)
    done = "output" if blend == "weighted" else "measure"
    assert result.config.light == done
    assert f'(light="{done}")' in result.notes[-1]
    assert result.provenance["notes"] == list(result.notes)
    as_it_was = fuse(fading, **FAST, blend=blend, light="none")
    wrong, left = (
        float((np.abs(one.index_map.astype(int) - right.index_map) > 1).mean())
        for one in (as_it_was, result)
    )
    assert left < wrong / 2


def test_a_stack_in_one_light_keeps_its_options(grey):
    assert fuse(grey, **FAST).config.light == "auto"


def test_a_blank_middle_has_no_pattern(grey):
    stack = grey.copy()
    stack[[MIDDLE - 1, MIDDLE]] = 0
    result = fuse(stack.astype(np.uint8), **FAST)
    assert any("blank" in note for note in result.notes)


def test_each_plane_twice_is_as_once(grey):
    expected = fuse(grey)
    result = fuse(np.repeat(grey, 2, axis=0))
    assert alike(result.all_in_focus, expected.all_in_focus) > 60
    np.testing.assert_array_equal(result.index_map, 2 * expected.index_map)


@pytest.mark.parametrize("options", [{}, {"blend": "select", "verification": "mode"}], ids=str)
def test_lines_that_moved_alone_do_not_show(options):
    stack = make_stack("bars", (96, 128), planes=5, channels=None, seed=3).stack
    stack[2, 48:] = np.roll(stack[2, 48:], 9, axis=1)
    result = fuse(stack, focus_measure="laplacian", **options)
    assert result.health[2].strips
    assert "plane 2 is shifted in some of its lines" in "".join(result.notes)
    assert not (result.index_map[48:] == 2).any()
    assert (result.index_map[:36] == 2).any()


def test_a_plane_that_moved_is_left_out_unless_planes_are_aligned():
    stack = make_stack("bars", (96, 128), planes=5, channels=None, seed=3).stack
    stack[2] = np.roll(stack[2], 5, axis=1)
    left_out = fuse(stack, focus_measure="laplacian")
    assert left_out.health[2].is_left_out
    assert "by about 5 px" in "".join(left_out.notes)
    aligned = fuse(stack, focus_measure="laplacian", align="auto")
    assert aligned.health[2].is_sound
    assert (aligned.index_map == 2).any()
