import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.focus_measure import _convolution as convolution
from napari_umis_fusion.fusion import fuse
from napari_umis_fusion.fusion.decision._decision import INVALID
from napari_umis_fusion.fusion.mean import _weighted_mean as module
from napari_umis_fusion.fusion.mean._weighted_mean import (
    FAR_AGREEMENT,
    FEATHER_SIGMA_PX,
    WeightedMean,
)
from napari_umis_fusion.runtime import ScratchMemory, split_rows, tiles_of
from napari_umis_fusion.stack import ACCEPTED_DTYPES

SHAPES = [(1, 1), (1, 5), (3, 2), (17, 23), (9, 8, 3)]


KERNEL_MODULES = (module, convolution)


def blend(planes, focus, takeovers, side_px=64, agreements=None):
    mean = WeightedMean(planes.shape[1:], planes.dtype, ScratchMemory(16))
    agreements = [None] * len(planes) if agreements is None else agreements
    for plane, *maps in zip(planes, focus, takeovers, agreements, strict=True):
        for tile in tiles_of(plane, side_px):
            mean.add(plane, *maps, tile)
    blended = np.concatenate([mean.mean(rows) for rows in split_rows(planes.shape[1], 5)])
    assert blended.dtype == planes.dtype
    assert blended.shape == planes.shape[1:]
    return blended


def random_run(shape, planes=6, seed=0):
    """Values 0 to 1, focus, and the takeovers that focus would make."""
    rng = np.random.default_rng(seed)
    values = rng.random((planes, *shape))
    focus = rng.uniform(0, 5, (planes, *shape[:2])).astype(np.float32)
    focus[rng.random(focus.shape) < 0.1] = 0
    takeovers = focus >= np.maximum.accumulate(focus)
    return values, focus, takeovers


def twin(values, focus, takeovers, agreements):
    """The recursion, in float64."""
    values = values.reshape(*focus.shape, -1).astype(np.float64)
    sums, peak = 0.0, np.zeros(focus.shape[1:])
    planes = zip(values, focus.astype(np.float64), takeovers, agreements, strict=True)
    for value, sharpness, takeover, agreement in planes:
        fade = ndimage.gaussian_filter(takeover.astype(np.float64), FEATHER_SIGMA_PX)
        valid = sharpness >= 0
        highest = np.maximum(peak, sharpness)
        with np.errstate(invalid="ignore", divide="ignore"):
            keeps = np.where(highest > 0, (peak / highest) ** 2, 1)
            weight = np.maximum(np.where(highest > 0, (sharpness / highest) ** 2, 1), 1e-9)
        keeps *= 1 - fade + fade * agreement
        weight *= fade + agreement - fade * agreement
        terms = np.concatenate([value, np.ones((*value.shape[:2], 1))], axis=2)
        grown = sums * keeps[..., None] + weight[..., None] * terms
        sums = np.where(valid[..., None], grown, sums)
        peak = np.where(valid, highest, peak)
    return sums[..., :-1] / sums[..., -1:]


@pytest.mark.parametrize("agrees", ["unknown", "by pixel"])
@pytest.mark.parametrize("side_px", [4, 64])
@pytest.mark.parametrize("invalid_share", [0, 0.2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_mean_equals_its_twin(shape, invalid_share, side_px, agrees, jit):
    values, focus, takeovers = random_run(shape)
    focus[1:][np.random.default_rng(5).random(focus[1:].shape) < invalid_share] = INVALID
    if agrees == "unknown":
        agreements, known = None, np.full(focus.shape, FAR_AGREEMENT)
    else:
        agreements = known = np.random.default_rng(6).random(focus.shape, np.float32)
    blended = blend(values, focus, takeovers, side_px, agreements)
    expected = twin(values, focus, takeovers, known).reshape(shape)
    np.testing.assert_allclose(blended, expected, rtol=1e-4)


def plain_mean(values, focus):
    """Every plane weighs its focus squared; invalid ones nothing."""
    valid = focus >= 0
    highest = np.maximum(focus.max(0), np.finfo(np.float32).tiny)
    weight = np.where(valid, (focus.astype(np.float64) / highest) ** 2, 0)
    spread = weight.reshape(*weight.shape, *[1] * (values.ndim - 3))
    with np.errstate(invalid="ignore"):
        return (spread * np.where(spread > 0, values, 0)).sum(0) / spread.sum(0)


@pytest.mark.parametrize("side_px", [4, 64])
@pytest.mark.parametrize("invalid_share", [0, 0.2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_of_planes_that_agree_it_is_the_plain_mean(shape, invalid_share, side_px, jit):
    values, _, takeovers = random_run(shape)
    rng = np.random.default_rng(5)
    focus = rng.uniform(0.1, 5, takeovers.shape).astype(np.float32)
    broken = rng.random(focus.shape) < invalid_share
    broken[3] = False
    values[broken], focus[broken] = np.nan, INVALID
    agree = np.ones_like(focus)
    for chosen in (takeovers, ~takeovers):
        blended = blend(values, focus, chosen, side_px, agree)
        np.testing.assert_allclose(blended, plain_mean(values, focus), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-13, 1.0, 1e13])
def test_only_ratios_of_focus_count(scale, jit):
    values, _, takeovers = random_run((5, 6))
    lead = np.random.default_rng(1).uniform(-3, 3, takeovers.shape)
    focus = (scale * np.exp(lead / 2)).astype(np.float32)
    share = np.exp(lead) / np.exp(lead).sum(0)
    blended = blend(values, focus, takeovers, agreements=np.ones_like(focus))
    np.testing.assert_allclose(blended, (share * values).sum(0), rtol=1e-5)


@pytest.mark.parametrize("side_px", [1, 7, 16])
def test_tiles_equal_the_whole_to_the_last_bit(side_px):
    values, focus, takeovers = random_run((20, 31))
    values = values.astype(np.float32)
    np.testing.assert_array_equal(
        blend(values, focus, takeovers, side_px), blend(values, focus, takeovers)
    )


def in_dtype(values, dtype):
    """Values 0 to 1, stretched over what the dtype holds."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return values > 0.5
    if dtype.kind == "f":
        return (values * 1000 - 500).astype(dtype)
    limits = np.iinfo(dtype)
    return np.rint(values * (limits.max - limits.min) + limits.min).astype(dtype)


@pytest.mark.parametrize("shape", [(17, 23), (9, 8, 3)], ids=str)
@pytest.mark.parametrize("dtype", ACCEPTED_DTYPES)
def test_result_lies_between_the_planes(dtype, shape):
    values, focus, takeovers = random_run(shape)
    planes = in_dtype(values, dtype)
    rounding = 0.0 if planes.dtype.kind != "f" else 2000 * np.finfo(np.float32).eps
    blended = blend(planes, focus, takeovers).astype(np.float64)
    assert (blended >= planes.min(0).astype(np.float64) - rounding).all()
    assert (blended <= planes.max(0).astype(np.float64) + rounding).all()


@pytest.mark.parametrize("level", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("dtype", ACCEPTED_DTYPES)
def test_constant_stack_stays_itself(dtype, level):
    values, focus, takeovers = random_run((17, 23), planes=12)
    planes = in_dtype(np.full_like(values, level), dtype)
    blended = blend(planes, focus, takeovers)
    if planes.dtype.kind == "f":
        np.testing.assert_allclose(blended, planes[0], rtol=1e-6)
    else:
        np.testing.assert_array_equal(blended, planes[0])


def equal_share(levels, dtype):
    """Blend planes of one level each that are equally sharp, none of them taken over."""
    planes = np.empty((len(levels), 4, 4), dtype)
    planes[...] = np.array(levels, dtype)[:, None, None]
    shape = planes.shape
    blended = blend(planes, np.ones(shape, np.float32), np.zeros(shape, np.bool_))
    assert (blended == blended[0, 0]).all()
    return blended[0, 0]


@pytest.mark.parametrize(
    ("dtype", "levels", "expected"),
    [
        (np.uint8, [0, 0, 0, 255], 64),
        (np.uint8, [10, 11, 11], 11),
        (np.int8, [-10, -11, -11], -11),
        (np.int16, [-3, -4, -4, -4], -4),
        (np.uint32, [2**32 - 1, 2**32 - 1, 2**32 - 4], 2**32 - 2),
        (np.int32, [2**30 + 1, 2**30 + 3], 2**30 + 2),
        (np.bool_, [True, True, False], True),
        (np.bool_, [True, False, False], False),
    ],
)
def test_whole_numbers_are_rounded_not_cut(dtype, levels, expected):
    assert equal_share(levels, dtype) == expected


def test_double_keeps_its_precision():
    assert equal_share([1e12, 1e12 + 1], np.float64) == 1e12 + 0.5


@pytest.mark.parametrize("first_focus", [0.0, 1e-20, 1.0])
def test_sharper_plane_outweighs_the_others(first_focus):
    """Weight goes with focus squared, whatever came before."""
    planes = np.array([0, 100, 0], np.float64)[:, None, None]
    focus = np.array([first_focus, 3, 1], np.float32)[:, None, None]
    blended = blend(planes, focus, np.zeros(planes.shape, np.bool_))
    assert blended[0, 0] == pytest.approx(100 * 9 / (first_focus**2 + 9 + 1))


def test_takeover_outweighs_equally_sharp_planes():
    planes = np.array([0, 100, 0, 0], np.float64)[:, None, None]
    takeovers = np.array([True, True, False, False])[:, None, None]
    blended = blend(planes, np.ones(planes.shape, np.float32), takeovers)
    assert blended[0, 0] == pytest.approx(100 / (1 + 3 * FAR_AGREEMENT))


def test_border_of_a_takeover_fades():
    """Where a plane took over one half, no step is left: it spreads over the feather."""
    planes = np.stack([np.zeros((8, 60)), np.full((8, 60), 100.0)])
    takeovers = np.ones(planes.shape, np.bool_)
    takeovers[1, :, 30:] = False
    across = blend(planes, np.ones(planes.shape, np.float32), takeovers)[4]
    steps = -np.diff(across)
    assert across[0] - across[-1] > 90
    assert (steps >= 0).all()
    assert steps.max() < 100 / FEATHER_SIGMA_PX / 2


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e30])
def test_invalid_planes_leave_no_trace(broken):
    values, focus, takeovers = random_run((11, 13))
    invalid = np.random.default_rng(4).random(focus.shape) < 0.3
    invalid[2] = False
    focus[invalid] = INVALID
    clean = blend(values, focus, takeovers)
    values[invalid] = broken
    np.testing.assert_array_equal(blend(values, focus, takeovers), clean)


def test_plane_that_disagrees_counts_only_where_it_takes_over():
    planes = np.stack([np.full((8, 90), level) for level in (50.0, 100.0, 0.0)])
    takeovers = np.ones(planes.shape, np.bool_)
    takeovers[1, :, 45:] = takeovers[2] = False
    nothing = np.zeros(planes.shape, np.float32)
    across = blend(planes, np.ones(planes.shape, np.float32), takeovers, agreements=nothing)[4]
    np.testing.assert_array_equal(across[[0, -1]], [100, 50])


def test_pixel_without_a_valid_plane_is_nan():
    values, focus, takeovers = random_run((5, 6))
    values[:, 2, 3] = np.nan
    focus[:, 2, 3] = INVALID
    blended = blend(values, focus, takeovers)
    assert np.argwhere(np.isnan(blended)).tolist() == [[2, 3]]


def test_noise_falls_where_planes_are_equally_sharp():
    rng = np.random.default_rng(0)
    truth = ndimage.gaussian_filter(rng.normal(0, 200, (96, 128)), 1.5) + 120
    stack = (truth + rng.normal(0, 8, (12, 96, 128))).astype(np.float32)
    noise = {
        name: (fuse(stack, focus_measure="laplacian", blend=name).all_in_focus - truth).std()
        for name in ("select", "weighted")
    }
    assert noise["weighted"] < 0.5 * noise["select"]
