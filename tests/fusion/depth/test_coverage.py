"""Where planes show nothing, others are seen, and no border shows."""

import json

import numpy as np
import pytest

from napari_umis_fusion import fuse, fuse_layer
from napari_umis_fusion.synthetic import make_stack

SHAPE = (128, 144)
PLANES = 7
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
}


@pytest.fixture(scope="module")
def colours():
    """A surface that the middle planes show in focus at the border of the frame."""
    stack = make_stack("bumps", SHAPE, planes=PLANES, channels=3).stack
    return np.clip(stack, 1, 250)


@pytest.fixture(scope="module")
def missing():
    """Planes that were moved by some software: the further from the middle, the more is gone."""
    mask = np.zeros((PLANES, *SHAPE), np.bool_)
    for z in range(PLANES):
        by = 5 * (z - PLANES // 2)
        if by > 0:
            mask[z, :by], mask[z, :, :by] = True, True
        elif by < 0:
            mask[z, by:], mask[z, :, by:] = True, True
    return mask


def with_opacity(colours, missing, dtype=np.uint8):
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    scale = top / 255
    values = np.where(missing[..., None], 0, colours * scale).astype(dtype)
    return np.concatenate([values, np.where(missing, 0, top).astype(dtype)[..., None]], axis=-1)


def as_nan(colours, missing, **options):
    """Return what the policy for NaN makes of the same planes."""
    floats = np.where(missing[..., None], np.nan, colours).astype(np.float32)
    return fuse(floats, nan_policy="ignore", **options)


def differ(image, other, where=...):
    return float(np.mean(np.abs(image.astype(float) - other).max(axis=-1)[where] > 8))


@pytest.mark.parametrize("way", WAYS)
def test_transparent_pixels_come_from_other_planes(way, colours, missing):
    result = fuse(with_opacity(colours, missing), **WAYS[way])
    assert (result.all_in_focus[..., 3] == 255).all(), "opaque where some plane is"
    expected = as_nan(colours, missing, **WAYS[way])
    assert differ(result.all_in_focus[..., :3], expected.all_in_focus) < 0.005
    used = np.take_along_axis(missing, result.index_map[None].astype(np.intp), 0)[0]
    assert not used.any()
    # Far from where planes are missing all is as without, and near them no ghost is seen.
    whole = fuse(colours, **WAYS[way])
    assert differ(result.all_in_focus[..., :3], whole.all_in_focus, ~missing.any(axis=0)) < 0.005
    json.dumps(result.provenance)


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("way", WAYS)
def test_a_value_may_stand_for_nothing(way, value, colours, missing):
    padded = np.where(missing[..., None], np.uint8(value), colours)
    result = fuse(padded, empty=value, **WAYS[way])
    expected = as_nan(colours, missing, **WAYS[way])
    assert differ(result.all_in_focus, expected.all_in_focus) < 0.005


def test_a_value_stands_for_nothing_only_at_the_border(colours):
    stack = colours.copy()
    stack[:, 60:70, 60:70] = 0
    result = fuse(stack, empty=0, **FAST)
    np.testing.assert_array_equal(result.all_in_focus, fuse(stack, **FAST).all_in_focus)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_opacity_of_any_dtype(dtype, colours, missing):
    stack = with_opacity(colours, missing, dtype)
    result = fuse(stack, **FAST)
    assert (result.all_in_focus[..., 3] == stack[..., 3].max()).all()


def test_soft_borders_keep_the_highest_opacity(colours):
    stack = with_opacity(colours, np.zeros((PLANES, *SHAPE), np.bool_))
    stack[:, :20, :, 3] = 140
    stack[2, :20, :, 3] = 200
    stack[:, :10, :, 3] = 30
    stack[:, :10, :, 3][0] = 90
    opacity = fuse(stack, **FAST).all_in_focus[..., 3]
    assert np.unique(opacity[:10]) == 0, "less than half visible in all planes"
    assert np.unique(opacity[10:20]) == 200
    assert np.unique(opacity[20:]) == 255


@pytest.mark.parametrize("way", WAYS)
def test_what_no_plane_shows_is_told(way, colours, missing):
    hole = missing.copy()
    hole[:, 40:50, 60:80] = True
    result = fuse(with_opacity(colours, hole), **WAYS[way])
    gone = hole.all(axis=0)
    assert (result.all_in_focus[gone] == 0).all()
    assert (result.all_in_focus[~gone][:, 3] == 255).all()
    assert (result.index_map[gone] == 0).all()
    assert np.isnan(result.sub_plane_map[gone]).all()
    assert np.isfinite(result.sub_plane_map[~gone]).all()
    assert (result.confidence_map[gone] == 0).all()
    assert any("1.1 % of the image is shown by no plane: 0 there" in n for n in result.notes)
    floats = np.where(hole[..., None], np.nan, colours).astype(np.float32)
    told = fuse(floats, nan_policy="ignore", **WAYS[way])
    assert np.isnan(told.all_in_focus[gone]).all()
    assert any("shown by no plane: NaN there" in note for note in told.notes)


@pytest.mark.parametrize("fourth", ["dark", "bright", "blank", "full", "saturated in part"])
def test_a_fourth_channel_of_light_is_no_opacity(fourth, colours):
    light = colours[..., 0]
    values = {
        "dark": np.where(light > 200, light, 0),
        "bright": light,
        "blank": np.zeros_like(light),
        "full": np.full_like(light, 255),
        "saturated in part": np.where(light > 180, 255, light),
    }[fourth]
    stack = np.concatenate([colours, values[..., None]], axis=-1)
    result, known = fuse(stack, **FAST), fuse(colours, **FAST)
    # The channel is fused with the others, and may move a border that cannot be seen.
    assert np.mean(result.index_map != known.index_map) < 0.01
    assert not any("no plane" in note for note in result.notes)


@pytest.mark.parametrize("align", ["none", "translation"])
def test_layers_with_opacity(align, colours, missing):
    stack = with_opacity(colours, missing)
    fused = fuse_layer((stack, {"name": "insect", "rgb": True}), align=align, **FAST)
    image = fused[0][0]
    assert (image[..., 3] == 255).all()
    expected = fuse(colours, **FAST).all_in_focus
    if align == "none":
        common = ~missing.any(axis=0)
        assert differ(image[..., :3], expected, common) < 0.01


def test_planes_that_were_moved_take_their_masks_along(colours):
    hole = np.zeros((PLANES, *SHAPE), np.bool_)
    hole[3, 40:80, 50:90] = True
    transforms = np.repeat(np.eye(2, 3)[None], PLANES, 0)
    transforms[3, :, 2] = 6.3, -4.2
    result = fuse(
        with_opacity(colours, hole),
        transforms=transforms,
        align_border="mask",
        light="none",
        **FAST,
    )
    moved = np.zeros(SHAPE, np.bool_)
    moved[34:74, 55:94] = True
    assert not (result.index_map[moved] == 3).any()
    assert (result.all_in_focus[..., 3] == 255).all()
