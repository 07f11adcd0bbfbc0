"""Planes that are brighter or darker in a part, and planes that hide what those around share."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._hidden_detail import MORE, other_detail
from napari_umis_fusion.preprocess.health._judge import PlaneJudge, judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.preprocess.health._uneven import uneven_between

SHAPE, PLANES = (144, 168), 7
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
GLARE = np.exp(-((Y - 50) ** 2 + (X - 90) ** 2) / (2 * 25**2))


def stack_of(seed, planes=PLANES, step=0.8):
    """Return a dome of texture, in focus from its border to its middle, float (Z, Y, X)."""
    rng = np.random.default_rng(seed)
    scene = gaussian_filter(rng.normal(0, 1, SHAPE), 1.0) + gaussian_filter(
        6 * rng.normal(0, 1, SHAPE), 4.0
    )
    scene = 110 + 30 * scene / scene.std()
    depth = (planes - 1) * np.clip(1 - np.hypot(Y / 72 - 1, X / 84 - 1), 0, 1)
    bank = np.stack([gaussian_filter(scene, k / 2) if k else scene for k in range(14)])
    found = []
    for z in range(planes):
        off = np.clip(2 * step * np.abs(depth - z), 0, 12.9)
        low = off.astype(int)
        sharp, dull = (np.take_along_axis(bank, k[None], 0)[0] for k in (low, low + 1))
        found.append(sharp + (off - low) * (dull - sharp))
    return np.stack(found) + rng.normal(0, 1.5, (planes, *SHAPE))


def wobbled(plane):
    return map_coordinates(plane, [Y, X + 2.5 * np.sin(Y / 10)], order=1, mode="reflect")


UNEVEN = {
    "glare": lambda plane, _: plane + 30 * GLARE,
    "shadow": lambda plane, _: plane * (1 - 0.3 * GLARE),
    "vignette": lambda plane, _: plane * (1 - 0.15 * ((Y / 72 - 1) ** 2 + (X / 84 - 1) ** 2)),
}
HIDING = {
    "exposed twice": lambda plane, _: (plane + np.roll(plane, (31, -18), (0, 1))) / 2,
    "another": lambda plane, seed: 0.5 * plane + 0.5 * stack_of(seed + 50)[3],
    "cloud": lambda plane, seed: (
        plane + 320 * gaussian_filter(np.random.default_rng(seed).normal(0, 1, SHAPE), 4.0)
    ),
    "wobble": lambda plane, _: wobbled(plane),
}


def measured(stack):
    planes = np.clip(np.rint(stack), 0, 255).astype(np.uint8)
    return [measure_plane(z, plane) for z, plane in enumerate(planes)]


def spoilt(stack, z, spoil, seed):
    return np.concatenate([stack[:z], [spoil(stack[z], seed)], stack[z + 1 :]])


def hides(plane, before, after):
    return other_detail(plane, before, after) > MORE


def told(stack, look):
    planes = measured(stack)
    around = [(planes[max(0, z - 3) : z], planes[z + 1 : z + 4]) for z in range(len(planes))]
    return [z for z, sides in enumerate(around) if look(planes[z], *sides)]


@pytest.mark.parametrize("what", UNEVEN)
@pytest.mark.parametrize(("planes", "z"), [(PLANES, 3), (PLANES, 0), (PLANES, 6), (3, 1)])
def test_a_plane_that_uneven_between_is_told(what, planes, z):
    assert told(spoilt(stack_of(z, planes), z, UNEVEN[what], z), uneven_between) == [z]


@pytest.mark.parametrize("what", HIDING)
@pytest.mark.parametrize(("planes", "z"), [(PLANES, 3), (PLANES, 1), (3, 1)])
def test_a_plane_that_hides_shared_detail_is_told(what, planes, z):
    assert told(spoilt(stack_of(z, planes), z, HIDING[what], z), hides) == [z]


def test_a_first_or_last_plane_is_compared_with_the_next_two():
    for z in (0, PLANES - 1):
        stack = stack_of(z, step=0.3)
        assert told(spoilt(stack, z, HIDING["exposed twice"], z), hides) == [z]


@pytest.mark.parametrize("step", [0.2, 0.8, 3.0])
@pytest.mark.parametrize("planes", [3, PLANES])
def test_sound_planes_are_neither(step, planes):
    for seed in range(1):
        stack = stack_of(seed, planes, step)
        assert told(stack, uneven_between) == told(stack, hides) == []


def test_light_that_drifts_over_the_picture_is_not_uneven():
    drift = np.linspace(0, 60, PLANES)[:, None, None] * X / SHAPE[1]
    assert told(stack_of(0) + drift, uneven_between) == []


def test_a_small_shift_is_no_other_detail():
    stack = stack_of(0)
    stack[3] = np.roll(stack[3], (1, -1), (0, 1))
    assert told(stack, hides) == []


def test_a_plane_with_other_detail_is_left_out():
    found = judge_planes(measured(spoilt(stack_of(0), 2, HIDING["exposed twice"], 0)))
    assert [one.z for one in found if one.is_left_out] == [2]
    (note,) = notes_on(found)
    assert note.startswith("plane 2 is of detail that focus does not explain")
    assert note.endswith(": left out")


@pytest.mark.parametrize("what", UNEVEN)
@pytest.mark.parametrize("spoilt_planes", [[3], [3, 4]])
def test_uneven_light_is_taken_off(what, spoilt_planes):
    sound, stack = stack_of(1), stack_of(1)
    for z in spoilt_planes:
        stack[z] = UNEVEN[what](stack[z], z)
    found = judge_planes(measured(stack))
    assert [one.z for one in found if one.by_place is not None] == spoilt_planes
    assert not any(one.is_left_out for one in found)
    (note,) = notes_on(found)
    assert "brighter or darker in a part than those around, as by glare: scaled to them" in note
    for z in spoilt_planes:
        before, after = (
            gaussian_filter(values - sound[z], 4).std()
            for values in (stack[z], found[z].scaled(stack[z]))
        )
        assert after < 0.3 * before


def test_a_first_plane_that_is_lit_unevenly_is_only_told():
    """Beside one side alone, a plane that moved looks alike."""
    found = judge_planes(measured(spoilt(stack_of(1), 0, UNEVEN["glare"], 0)))
    assert [(one.z, one.findings) for one in found if one.findings] == [(0, ("uneven",))]
    assert found[0].is_sound


def test_parts_of_a_plane_are_evened_like_the_whole():
    stack = spoilt(stack_of(1), 3, UNEVEN["vignette"], 3)
    health = judge_planes(measured(stack))[3]
    rows, columns = slice(31, 90), slice(77, 130)
    part = health.within(rows, columns).scaled(stack[3][rows, columns])
    np.testing.assert_allclose(part, health.scaled(stack[3])[rows, columns], rtol=1e-12)


def test_values_that_are_corrected_first_are_evened_alike():
    stack = spoilt(stack_of(1), 3, UNEVEN["shadow"], 3)
    health = judge_planes(measured(stack))[3]
    usual = health.scaled(stack[3])
    np.testing.assert_allclose(
        health.corrected(lambda values: 3 * values + 50).scaled(3 * stack[3] + 50), 3 * usual + 50
    )


def test_a_body_that_shines_in_one_plane_stays():
    stack = stack_of(2)
    stack[3] += 60 * (np.hypot(Y - 60, X - 90) < 30)
    found = judge_planes(measured(stack))
    assert all(one.by_place is None and not one.is_left_out for one in found)


@pytest.mark.parametrize("step", [0.5, 1.5, 4.0])
@pytest.mark.parametrize("what", ["lines", "mesh", "waves"])
def test_periodic_specimens_in_focus_in_one_plane_stay(what, step):
    turned = X * 0.9 + Y * 0.44
    scene = {
        "lines": 60.0 * (turned % 7 < 3),
        "mesh": 60.0 * ((X % 11 < 2) | (Y % 11 < 2)),
        "waves": 30 + 30 * np.sin(turned * 2 * np.pi / 6),
    }[what]
    far = 30 * gaussian_filter(np.random.default_rng(0).normal(0, 4, SHAPE), 1.5)
    for own in (0, 2):
        planes = [
            gaussian_filter(scene, step * abs(z - own)) + gaussian_filter(far, step * abs(z - 5))
            for z in range(PLANES)
        ]
        noisy = np.stack(planes) + 60 + np.random.default_rng(1).normal(0, 1.5, (PLANES, *SHAPE))
        assert not any(one.findings for one in judge_planes(measured(noisy)))


def test_planes_that_will_be_aligned_show_other_parts_at_their_places():
    stack = stack_of(0)
    stack[3] = np.roll(stack[3], (4, -3), (0, 1))
    judge = PlaneJudge(is_aligned=True)
    found = [one for plane in measured(stack) for one in judge.add(plane)]
    assert not any(one.findings for one in judge.finish(found))
