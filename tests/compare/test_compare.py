"""Several ways to fuse one stack, each measured."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.compare import (
    COLUMNS,
    CandidateEnded,
    CandidateProgress,
    ComparisonStarted,
    compare,
    iter_compare,
)
from napari_umis_fusion.compare._memory_peak import MemoryPeak
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.metrics import edge_preservation, false_edge_rate


def test_each_way_is_fused_as_it_is_alone(planes, found, ways):
    assert [row.name for row in found.rows] == list(ways)
    for row in found.rows:
        if row.is_fused:
            alone = fuse(planes, ways[row.name])
            np.testing.assert_array_equal(row.result.all_in_focus, alone.all_in_focus)
            np.testing.assert_array_equal(row.result.index_map, alone.index_map)
    assert found.shape == planes.shape


def test_one_that_fails_is_a_row_with_its_reason(found):
    row = found["wrong"]
    assert "channel=7, but the stack has 1" in row.reason
    assert set(row.numbers().values()) == {None}
    assert row.result is None
    assert all(other.is_fused for other in found.rows if other is not row)


def test_the_scores_are_those_of_the_metrics(planes, found):
    for row in found.rows:
        if row.is_fused:
            image = row.result.all_in_focus
            assert row.false_edge_rate == false_edge_rate(image, planes)
            assert row.edge_preservation == pytest.approx(edge_preservation(image, planes))
            assert 0 < row.shown_focus <= 1
            assert row.seconds > 0
            assert row.memory_mb >= 0


def test_the_sharpest_image_shows_all_focus_and_a_blurred_one_less():
    texture = np.random.default_rng(3).integers(0, 255, (48, 56), np.uint8)
    blurred = np.full_like(texture, texture.mean())
    mean = FusionConfig("laplacian", nowhere="mean")
    rows = compare(np.stack([texture, blurred, blurred]), {"a": FusionConfig("laplacian")}).rows
    assert rows[0].shown_focus > 0.95
    rows = compare(np.stack([texture] * 2), {"a": mean}).rows
    assert rows[0].shown_focus == pytest.approx(1.0)


def test_what_decides_alike_agrees(planes):
    way = FusionConfig("laplacian")
    alike = compare(planes, {"a": way, "b": way})
    assert [(row.agreement, row.depth_difference) for row in alike.rows] == [(1.0, 0.0)] * 2
    alone = compare(planes, {"a": way})
    assert (alone.rows[0].agreement, alone.rows[0].depth_difference) == (None, None)


def test_numbers_that_cannot_be_told_are_missing_with_a_note():
    flat = compare(np.full((3, 20, 24), 7, np.uint8), [FusionConfig("laplacian")])
    (row,) = flat.rows
    assert row.edge_preservation is None
    assert "no plane has an edge" in " ".join(row.notes)
    assert row.false_edge_rate == 0


@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_grey_levels_do_not_depend_on_the_data_type(planes, found, dtype, ways):
    raised = planes.astype(dtype) * dtype(3) + dtype(100)
    if dtype is np.float32:
        raised[1, :4, :5] = np.nan
    way = ways["plain"].replace(nan_policy="ignore")
    (row,) = compare(raised, {"plain": way}).rows
    # the grey range of other types is estimated, without outliers
    assert row.shown_focus == pytest.approx(found["plain"].shown_focus, abs=0.1)
    assert row.false_edge_rate == pytest.approx(found["plain"].false_edge_rate, abs=0.01)


def test_a_region_is_fused_as_if_it_were_all(planes, ways):
    region = (10, 50), (8, 70)
    (row,) = compare(planes, {"plain": ways["plain"]}, region=region).rows
    alone = fuse(planes[:, 10:50, 8:70], ways["plain"])
    np.testing.assert_array_equal(row.result.all_in_focus, alone.all_in_focus)


def waving(count):
    """Return planes of which every second is moved by two pixels."""
    base = np.random.default_rng(0).integers(0, 255, (90, 110), np.uint8)
    return np.stack([np.roll(base, 2 * (z % 2), axis=0) for z in range(count)])


def test_planes_of_a_region_are_aligned_as_a_whole():
    textured = waving(5)
    way = FusionConfig("laplacian", align="translation")
    whole = fuse(textured, way)
    region = (30, 60), (40, 80)
    (row,) = compare(textured, {"aligned": way}, region=region).rows
    np.testing.assert_array_equal(row.result.alignment.transforms, whole.alignment.transforms)
    assert row.result.window == (slice(30, 60), slice(40, 80))
    top, left = (side.start for side in whole.window)
    part = whole.all_in_focus[30 - top : 60 - top, 40 - left : 80 - left]
    np.testing.assert_array_equal(row.result.all_in_focus, part)


def test_aligned_and_recorded_results_are_compared_where_both_show_something():
    recorded = FusionConfig("laplacian")
    both = {"as recorded": recorded, "aligned": recorded.replace(align="translation")}
    rows = compare(waving(4), both).rows
    assert rows[0].result.index_map.shape != rows[1].result.index_map.shape
    assert rows[0].agreement == rows[1].agreement
    assert 0 <= rows[0].agreement <= 1


def test_what_is_finished_remains_of_a_run_that_is_closed(planes, threads, ways):
    before = threads()
    steps = iter_compare(planes, ways)
    first = next(steps)
    assert isinstance(first, ComparisonStarted)
    assert [one.name for one in first.candidates] == list(ways)
    shares = [0.0]
    for event in steps:
        if isinstance(event, CandidateEnded):
            break
        assert isinstance(event, CandidateProgress)
        shares.append(event.share)
    next(steps)
    steps.close()
    assert [row.name for row in event.comparison.rows] == ["plain"]
    assert event.result.all_in_focus.shape == planes.shape[1:]
    assert shares == sorted(shares)
    assert shares[-1] <= 1 / len(ways)
    assert threads() <= before


def test_results_are_dropped_if_nobody_wants_them(planes, ways):
    steps = iter_compare(planes, {"plain": ways["plain"]}, keep_results=False)
    ended = [event for event in steps if isinstance(event, CandidateEnded)]
    assert ended[0].comparison.rows[0].result is None
    assert ended[0].result is not None


@pytest.mark.parametrize(
    ("stack", "region", "message"),
    [
        (np.zeros((1, 9, 9), np.uint8), None, "got a stack of 1 plane"),
        (np.zeros((3, 9, 9), np.uint8), ((0, 10), (0, 9)), "planes of 9 x 9 px"),
        (np.zeros((3, 9, 9), np.uint8), ((4, 4), (0, 9)), "rows 4 to 4"),
        (np.zeros((3, 9, 9), np.uint8), ((-1, 4), (0, 9)), "rows -1 to 4"),
    ],
)
def test_what_cannot_be_compared_is_refused(stack, region, message):
    with pytest.raises(StackError, match=message):
        compare(stack, ["default"], region=region)


@pytest.mark.parametrize("region", [(0, 5), ((0.0, 5), (0, 5)), ((0, 5), (0, 5), (0, 5)), "all"])
def test_what_is_no_region_is_refused(planes, region):
    with pytest.raises(ConfigError, match="accepted are two pairs of whole numbers"):
        compare(planes, ["default"], region=region)


def test_every_column_is_a_number_of_a_row(found):
    assert list(found.rows[0].numbers()) == list(COLUMNS)
    with pytest.raises(ConfigError, match="accepted are name, seconds"):
        found.sorted_by("beauty")


def test_memory_that_is_used_meanwhile_is_seen():
    peak = MemoryPeak()
    block = np.ones(40 * 2**20, np.uint8)
    peak.sample()
    del block
    peak.sample()
    assert 35 < peak.mb < 80
