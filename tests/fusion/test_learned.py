"""Stacks fused with the focus measure 'learned'."""

import json

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, Progress, focus_map, fuse, iter_fuse
from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.network import REACH_PLANES, UNetPlusPlus, load_checkpoint, save_checkpoint
from napari_umis_fusion.synthetic import make_stack

PLANES = 6
TOLERATED = 0.005
"""Share of pixels whose plane may change by rounding alone."""

MAPS = ("all_in_focus", "index_map", "sub_plane_map", "confidence_map", "focus_map")
VERIFICATIONS = ("seams", "mode", "fuzzy", "none")


@pytest.fixture(scope="module")
def config(ranker_weights):
    return FusionConfig(
        "learned", checkpoint=str(ranker_weights), device="cpu", verification_window_px=9
    )


@pytest.fixture(scope="module")
def rendered():
    return make_stack("bumps", (48, 70), planes=PLANES, channels=None)


@pytest.fixture(scope="module")
def stack(rendered):
    """Grey, not square, off the network's grid."""
    return rendered.stack


@pytest.fixture(scope="module")
def result(stack, config):
    return fuse(stack, config)


def chosen_from(stack, index_map):
    index = index_map.astype(np.intp)[(None, ..., *[None] * (stack.ndim - 3))]
    return np.take_along_axis(stack, index, axis=0)[0]


def share_changed(one, other):
    return np.mean(one.index_map != other.index_map)


# --- what comes out


def test_it_finds_the_sharp_plane(rendered, result):
    error = np.abs(result.index_map - rendered.sub_plane_map)
    assert np.median(error) < 0.8
    assert len(np.unique(result.index_map)) == PLANES


@pytest.mark.parametrize("verification", VERIFICATIONS)
@pytest.mark.parametrize("blend", ["select", "weighted"])
def test_maps(stack, config, verification, blend):
    found = fuse(stack, config, verification=verification, blend=blend)
    assert found.all_in_focus.dtype == stack.dtype
    for image in (found.sub_plane_map, found.confidence_map, found.focus_map):
        assert (image.shape, image.dtype) == (stack.shape[1:], np.float32)
    if verification != "seams":  # which have a depth of their own
        assert np.abs(found.sub_plane_map - found.index_map).max() <= 0.5
    assert 0 <= found.confidence_map.min() < 0.3 < found.confidence_map.max() <= 1
    if blend == "select":
        np.testing.assert_array_equal(found.all_in_focus, chosen_from(stack, found.source_map))
    else:
        assert (found.all_in_focus >= stack.min(0)).all()
        assert (found.all_in_focus <= stack.max(0)).all()
        assert (found.all_in_focus != chosen_from(stack, found.index_map)).mean() > 0.1


def as_colour(stack):
    return np.stack([stack, stack // 3, 255 - stack], -1)


STACKS = {
    "rgb": as_colour,
    "two channels": lambda stack: as_colour(stack)[..., :2],
    "bool": lambda stack: stack > 110,
    "uint16": lambda stack: stack.astype(np.uint16) * 200 + 3,
    "int16": lambda stack: stack.astype(np.int16) * 100 - 9000,
    "float16": lambda stack: stack.astype(np.float16),
    "float32": lambda stack: stack.astype(np.float32) / 7,
    "float64": lambda stack: stack.astype(np.float64) * 1e-9 + 1,
}


@pytest.mark.parametrize("blend", ["select", "weighted"])
@pytest.mark.parametrize("kind", STACKS)
def test_every_kind_of_stack(stack, config, kind, blend):
    planes = STACKS[kind](stack)
    found = fuse(planes, config, blend=blend)
    image = found.all_in_focus
    assert (image.shape, image.dtype) == (planes.shape[1:], planes.dtype)
    assert len(np.unique(found.index_map)) > 2
    if blend == "select":
        np.testing.assert_array_equal(image, chosen_from(planes, found.source_map))
    else:
        values = planes.astype(np.float64)
        eps = 4 * np.finfo(np.float32).eps if planes.dtype.kind == "f" else 0
        rounding = np.ptp(values) * eps
        assert (image >= values.min(0) - rounding).all()
        assert (image <= values.max(0) + rounding).all()


@pytest.mark.parametrize(
    ("blend", "planes"),
    [
        *(("select", planes) for planes in (1, 2, 3, 4, 100)),
        *(("weighted", planes) for planes in (1, 2, 3, 4)),
    ],
)
@pytest.mark.filterwarnings("ignore:the stack has one plane")
def test_any_number_of_planes(config, planes, blend):
    noise = np.random.default_rng(0).integers(0, 256, (planes, 32, 32), np.uint8)
    found = fuse(noise, config, blend=blend)
    assert found.index_map.max() < planes
    assert planes == 1 or len(np.unique(found.index_map)) >= min(planes, 20)
    if blend == "select":
        np.testing.assert_array_equal(found.all_in_focus, chosen_from(noise, found.source_map))


@pytest.mark.parametrize("sharp", range(8))
def test_each_plane_gets_its_own_scores(config, sharp):
    """That results delay_planes behind the planes shifts nothing."""
    stack = np.full((8, 32, 32), 100.0)
    stack[:] += np.random.default_rng(0).normal(0, 1, (32, 32))
    stack[sharp] += np.random.default_rng(1).normal(0, 40, (32, 32))
    found = fuse(stack, config)
    assert (found.index_map == sharp).mean() > 0.98


def test_flat_stack(config):
    found = fuse(np.full((5, 20, 30), 7, np.uint16), config, blend="weighted")
    assert (found.all_in_focus == 7).all()
    assert np.isfinite(found.sub_plane_map).all()


def test_focus_map_is_that_of_the_fused_image(stack, config):
    """Shares compare the planes of a pixel; what is in focus at all, contrast tells."""
    result = fuse(stack, config, blend="select")
    np.testing.assert_array_equal(result.focus_map, focus_map(result.all_in_focus))
    half = stack.copy()
    half[:, :, :35] = 90
    marked = fuse(half, config).never_in_focus()
    assert marked[:, :15].all()
    assert not marked[:, 47:].any()


def test_focus_map_of_one_plane(stack, config):
    focus = focus_map(stack[0], config)
    assert (focus.shape, focus.dtype) == (stack.shape[1:], np.float32)
    assert (focus == 1).all(), "there is nothing to compare it with"


# --- what does not matter


@pytest.mark.parametrize(
    "change",
    [
        lambda stack: stack.astype(np.float32) / 8,
        lambda stack: stack.astype(np.float32) / 8 - 5000,
        lambda stack: stack.astype(np.uint16) * 3 + 40_000,
        lambda stack: stack.astype(np.uint16) * 100,
        lambda stack: stack.astype(np.float32) * 100 - 1e5,
        lambda stack: stack * 1e3 + 1e12,
        lambda stack: stack.max() - stack,
        lambda stack: -stack.astype(np.float32),
        lambda stack: 65_535 - stack.astype(np.uint16) * 100,
    ],
    ids=[
        "eighth",
        "eighth, offset",
        "3-fold, uint16",
        "100-fold, uint16",
        "100-fold, negative",
        "far from zero",
        "inverted",
        "negative",
        "inverted, uint16",
    ],
)
def test_decisions_do_not_depend_on_the_unit(stack, result, config, change):
    """But for 1 pixel of 200, of those where two planes are alike."""
    assert share_changed(result, fuse(change(stack), config)) <= TOLERATED


@pytest.mark.parametrize(
    "split", [{"tile_px": 32, "threads": 3}, {"tile_px": 4096, "threads": 1}, {"memory_mb": 0}]
)
@pytest.mark.parametrize("verification", ["seams", "mode"])
def test_maps_do_not_depend_on_tiles_threads_and_memory(stack, config, verification, split):
    options = {"verification": verification, "blend": "weighted"}
    whole, parts = fuse(stack, config, **options), fuse(stack, config, **options, **split)
    for name in MAPS:
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), err_msg=name)


def test_median_filter_changes_the_focus(stack, config, result):
    spotted = stack.copy()
    spots = np.random.default_rng(0).integers(150, 250, spotted[2, ::7, ::7].shape)
    spotted[2, ::7, ::7] = spots  # of one value, they would be salt, which is found
    select = config.replace(blend="select")
    plain, smoothed = (fuse(spotted, select, median_filter=on) for on in (False, True))
    assert share_changed(plain, result) > 0.3, "spots look sharp"
    assert share_changed(smoothed, result) < 0.3
    np.testing.assert_array_equal(
        smoothed.all_in_focus, chosen_from(spotted, smoothed.source_map), "they are kept"
    )


# --- invalid values


@pytest.mark.parametrize("verification", VERIFICATIONS)
@pytest.mark.parametrize("blend", ["select", "weighted"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_invalid_values_are_taken_from_other_planes(stack, config, value, blend, verification):
    options = {"nan_policy": "ignore", "verification": verification, "blend": blend}
    spoilt = stack.astype(np.float32)
    rng = np.random.default_rng(0)
    invalid = rng.random(spoilt.shape) < 0.01
    invalid[2, 20:26, 30:37] = invalid[0, :4, :4] = invalid[-1, -5:] = True
    invalid[rng.integers(PLANES, size=(48, 70)), *np.ogrid[:48, :70]] = False
    spoilt[invalid] = value
    found = fuse(spoilt, config, **options)
    assert np.isfinite(found.all_in_focus).all()
    assert not chosen_from(invalid, found.index_map).any()
    assert np.isfinite(found.confidence_map).all()
    assert np.isfinite(found.sub_plane_map).all()
    if verification != "seams":  # which have a depth of their own
        assert np.abs(found.sub_plane_map - found.index_map).max() <= 0.5


@pytest.mark.parametrize("verification", VERIFICATIONS)
@pytest.mark.parametrize("blend", ["select", "weighted"])
def test_pixel_that_no_plane_has_stays_nan(stack, config, verification, blend):
    spoilt = stack.astype(np.float32)
    spoilt[:, 10, 20:23] = np.nan
    options = {"nan_policy": "ignore", "verification": verification, "blend": blend}
    found = fuse(spoilt, config, **options)
    invalid = np.isnan(found.all_in_focus)
    assert invalid[10, 20:23].all()
    assert invalid.sum() == 3
    assert (found.focus_map[invalid] == 0).all()


# --- weights


def test_weights_and_device_are_told(ranker_weights, result, config):
    told = json.loads(json.dumps(result.provenance))
    assert told["weights_sha256"] == load_checkpoint(ranker_weights).sha256
    assert told["device"] == "cpu"
    assert FusionConfig(**told["config"]) == config
    assert result.notes == ()


def test_weights_of_another_network(stack, tmp_path):
    path = save_checkpoint(tmp_path / "u.safetensors", UNetPlusPlus())
    text = (
        r"u\.safetensors: got weights of 'umis-unetplusplus', .* use focus_measure='umis', or other"
    )
    with pytest.raises(CheckpointError, match=text):
        fuse(stack, focus_measure="learned", checkpoint=str(path))


# --- step by step


def test_every_plane_is_told_about(stack, config):
    events = [e for e in iter_fuse(stack, config) if isinstance(e, Progress)]
    measuring = [e.done for e in events if e.stage == "measuring"]
    assert measuring == sorted(measuring)
    assert set(measuring) == set(range(PLANES + 1))
    assert measuring.count(PLANES) > REACH_PLANES, "those that waited are told about, too"


def test_abandoning_leaves_nothing_behind(stack, config, threads):
    before = threads()
    for count in (1, 2, 5, 10, 20, 40):
        steps = iter_fuse(stack, config, tile_px=32)
        for _ in range(count):
            next(steps)
        steps.close()
        assert threads() <= before
