"""Planes that stand where their focus does not."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion import fuse
from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._order import _rising, _shortest_way
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

SHAPE, PLANES = (136, 168), 11


@lru_cache
def statistics_of(seed, step=0.5, noise=1.0, form="slope", offset=0.0):
    """Return the statistics of planes in focal order."""
    rng = np.random.default_rng(seed)
    scene = gaussian_filter(rng.normal(0, 1, SHAPE), 1.0)
    scene = 120 + 35 * scene / scene.std()
    bank = np.stack([gaussian_filter(scene, k / 2) if k else scene for k in range(30)])
    slope = np.linspace(0, PLANES - 1, SHAPE[1])
    depth = slope if form == "slope" else np.full(SHAPE[1], 4.0 + offset)
    found = []
    for z in range(PLANES):
        place = np.clip(2 * step * np.abs(depth - z), 0, 28)
        low = place.astype(int)
        share, columns = place - low, np.arange(SHAPE[1])
        plane = (1 - share) * bank[low, :, columns].T + share * bank[low + 1, :, columns].T
        noisy = np.clip(np.rint(plane + rng.normal(0, noise, SHAPE)), 0, 255)
        found.append(measure_plane(z, noisy.astype(np.uint8)))
    return found


def judged(planes, order):
    return judge_planes(replace(planes[k], z=z) for z, k in enumerate(order))


def told_of(planes, order):
    """Return which places of planes in an order are told to be out of it."""
    healths = judged(planes, order)
    assert not any(one.is_left_out for one in healths)
    return [one.z for one in healths if "order" in one.findings]


SOUND = list(range(PLANES))


def by_name(count):
    return sorted(range(count), key=lambda z: str(z + 1))


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ([0, 1, 2, 8, 4, 5, 6, 7, 3, 9, 10], [3, 8]),  # swapped
        ([0, 1, 2, 3, 5, 6, 7, 8, 4, 9, 10], [8]),  # moved
        (by_name(PLANES), [1, 2]),  # 1, 10, 11, 2...
        ([*range(5), *range(10, 4, -1)], [0, 1, 2, 3, 4]),  # one half turned over
        ([*range(6, 11), *range(6)], [0, 1, 2, 3, 4]),  # the halves swapped
        ([*range(0, 11, 2), *range(1, 11, 2)], None),  # every second one
        ([3, 9, 0, 6, 1, 8, 10, 4, 2, 7, 5], None),  # shuffled
    ],
)
def test_planes_out_of_order_are_told(order, told):
    found = told_of(statistics_of(0), order)
    assert len(found) > 3 if told is None else found == told
    assert told_of(statistics_of(0), order[::-1]), "from the other end, too"


@pytest.mark.parametrize("form", ["slope", "flat"])
@pytest.mark.parametrize(("step", "noise"), [(0.1, 4.0), (0.5, 0.5), (2.5, 4.0)])
def test_planes_in_order_are_not(form, step, noise):
    """On either side of a flat specimen, planes look alike."""
    planes = statistics_of(1, step, noise, form, offset=0.25)
    assert told_of(planes, SOUND) == told_of(planes, SOUND[::2]) == []


@pytest.mark.parametrize("places", [(0, 10), (1, 8), (3, 9)])
def test_planes_far_from_their_place_are_not_left_out(places):
    """That their neighbours are far from focus where they are sharp is no other picture."""
    order = list(SOUND)
    order[places[0]], order[places[1]] = places[::-1]
    assert told_of(statistics_of(3), order)


@pytest.fixture(scope="module")
def coarse():
    options = {"channels": None, "noisy": True, "slope_px_per_plane": 4.0}
    return make_stack("bars", (160, 208), planes=9, seed=642, **options).stack


@pytest.mark.parametrize("places", [(1, 7), (2, 6)])
def test_planes_in_coarse_steps_are_told_rather_than_left_out(coarse, places):
    """Swapped, one of them is unlike its neighbours, and still the picture of planes elsewhere."""
    order = list(range(9))
    order[places[0]], order[places[1]] = places[::-1]
    found = judge_planes(measure_plane(z, coarse[k]) for z, k in enumerate(order))
    assert "order" in found[places[0]].findings
    assert not any(one.is_left_out for one in found)
    image = fuse(coarse[order], focus_measure="laplacian")
    assert (image.index_map == places[0]).any(), "it was kept at last, and is fused, too"


def test_a_plane_of_another_picture_is_left_out_though(coarse):
    spoilt = coarse.copy()
    spoilt[4] = spoilt[4][:, ::-1]
    found = judge_planes(map(measure_plane, range(9), spoilt))
    assert [one.z for one in found if one.is_left_out] == [4]


def test_strips_in_focus_in_any_plane_are_in_order():
    """Blurred alike in all other planes, they tell of no order."""
    rng = np.random.default_rng(2)
    scene = np.clip(120 + 40 * gaussian_filter(rng.normal(0, 1, (256, 320)), 0.7) * 2, 0, 255)
    strips = rng.permutation(9)[np.minimum(np.arange(256) * 9 // 256, 8)][:, None]
    blurred = gaussian_filter(scene, 4)
    stack = [np.where(strips == z, scene, blurred).astype(np.uint8) for z in range(9)]
    assert not any(one.findings for one in judge_planes(map(measure_plane, range(9), stack)))


def test_a_note_tells():
    order = [0, 1, 2, 8, 4, 5, 6, 7, 3, 9, 10]
    (note,) = notes_on(judged(statistics_of(0), order))
    assert note.startswith("planes 3, 8 are out of the order in which focus changes: depths")


def test_the_shortest_way_is_found():
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 5, 12, 30):
        places = np.concatenate([[0], 1 + rng.permutation(count)])
        ways = np.abs(places[:, None] - places).astype(float)
        ways[0] = ways[:, 0] = 0
        found = _shortest_way(ways)
        assert sorted(found) == list(range(count))
        assert np.abs(np.diff(places[1:][found])).sum() == count - 1


@pytest.mark.parametrize(
    ("order", "rising"),
    [
        ([], []),
        ([3], [3]),
        ([2, 1, 0], [0]),
        ([0, 9, 1, 2, 3], [0, 1, 2, 3]),
        ([3, 4, 0, 1, 2], [0, 1, 2]),
    ],
)
def test_the_longest_part_that_rises(order, rising):
    assert _rising(order) == rising
