import numpy as np
import pytest

from napari_umis_fusion.fusion.decision._decision import INVALID, Decision
from napari_umis_fusion.fusion.seams import _seam_evidence as module
from napari_umis_fusion.fusion.seams._seam_evidence import (
    COUPLING_CEILING,
    COUPLING_FLOOR,
    HIDING_SLOPE_RATIO,
    NOISE_SHARE,
    UNDECIDED,
    SeamEvidence,
)
from napari_umis_fusion.runtime import ScratchMemory, tiles_of

SHAPES = [(1, 1), (1, 5), (3, 2), (17, 23)]
SIDES = [5, 64]


KERNEL_MODULES = (module,)


def blank(shape):
    workspace = ScratchMemory(16)
    return SeamEvidence.blank(*shape, workspace), Decision.blank(*shape, workspace)


def as_maps(*maps):
    return [np.atleast_2d(np.asarray(each, np.float32)) for each in maps]


def weigh(how, focus, chosen, amount, side_px=64):
    """Weigh a whole plane, and return target and evidence."""
    seams, decision = blank(focus.shape)
    decision.chosen[...] = chosen
    for tile in tiles_of(focus, side_px):
        getattr(seams, how)(focus, decision, amount, tile)
    return [each[:, : focus.shape[1]] for each in (seams.target, seams.evidence)]


def add_focus_evidence(focus, chosen, scale=1.0, side_px=64):
    return weigh("add_focus_evidence", *as_maps(focus, chosen), scale, side_px)


def add_share_evidence(focus, chosen, contrast, side_px=64):
    return weigh("add_share_evidence", *as_maps(focus, chosen, contrast), side_px)


def visibility(new, old, scale=1.0, side_px=64):
    seams, _ = blank(new.shape[:2])
    for tile in tiles_of(new, side_px):
        seams.measure_visibility((new, old), scale, tile)
    return seams.visibility[:, : new.shape[1]]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("side_px", SIDES)
def test_evidence_equals_its_twin(shape, side_px, jit):
    rng = np.random.default_rng(0)
    focus, chosen = rng.uniform(0, 30, (2, *shape)).astype(np.float32)
    target, evidence = add_focus_evidence(focus, chosen, 1.7, side_px)
    gain = focus.astype(np.float64) - chosen
    noise = NOISE_SHARE * np.minimum(focus, chosen)
    expected = 1.7 * abs(gain) * gain**2 / (gain**2 + noise**2) + UNDECIDED
    np.testing.assert_allclose(evidence, expected, rtol=1e-5)
    np.testing.assert_allclose(target, np.where(gain > 0, expected, 0), rtol=1e-5)


@pytest.mark.parametrize(
    ("focus", "chosen", "strength", "replaces"),
    [
        pytest.param(10, 0, 10, True, id="all of the gain counts against nothing"),
        pytest.param(0, 10, 10, False, id="or against the new plane"),
        pytest.param(10 * (1 + NOISE_SHARE), 10, 10 * NOISE_SHARE / 2, True, id="half at share"),
        pytest.param(10, 10 * (1 + NOISE_SHARE), 10 * NOISE_SHARE / 2, False, id="half, other"),
        pytest.param(7, 7, 0, False, id="equal focus decides nothing"),
        pytest.param(0, 0, 0, False, id="no focus at all"),
        pytest.param(-1, -1, 0, False, id="both invalid"),
    ],
)
def test_strength_of_evidence(focus, chosen, strength, replaces, jit):
    target, evidence = add_focus_evidence(focus, chosen)
    assert evidence[0, 0] == pytest.approx(strength + UNDECIDED, rel=1e-5)
    assert target[0, 0] == (evidence[0, 0] if replaces else 0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("side_px", SIDES)
def test_evidence_of_shares_equals_its_twin(shape, side_px, jit):
    rng = np.random.default_rng(0)
    focus, chosen = np.exp(rng.uniform(-50, 50, (2, *shape))).astype(np.float32)
    focus[rng.random(shape) < 0.2], chosen[rng.random(shape) < 0.2] = INVALID, INVALID
    contrast = rng.uniform(0, 30, shape).astype(np.float32)
    target, evidence = add_share_evidence(focus, chosen, contrast, side_px)
    new, old = (np.maximum(each.astype(np.float64), 0) for each in (focus, chosen))
    lead = np.divide(new - old, new + old, out=np.zeros(shape), where=new + old > 0)
    expected = contrast * lead**2 + UNDECIDED
    np.testing.assert_allclose(evidence, expected, rtol=1e-4)
    np.testing.assert_allclose(target, np.where(new > old, expected, 0), rtol=1e-4)


@pytest.mark.parametrize(
    ("focus", "chosen", "strength", "replaces"),
    [
        pytest.param(1e6, 1, 8, True, id="all that is at stake"),
        pytest.param(1, 1e6, 8, False, id="all, for the choice so far"),
        pytest.param(3, 1, 2, True, id="a quarter for thrice the share"),
        pytest.param(3e20, 1e20, 2, True, id="whatever the unit"),
        pytest.param(3e-20, 1e-20, 2, True, id="small units"),
        pytest.param(7, 7, 0, False, id="equal shares decide nothing"),
        pytest.param(1, INVALID, 8, True, id="the choice so far is invalid"),
        pytest.param(INVALID, 1, 8, False, id="the new plane is invalid"),
        pytest.param(INVALID, INVALID, 0, False, id="both invalid"),
    ],
)
def test_strength_of_shares(focus, chosen, strength, replaces, jit):
    target, evidence = add_share_evidence(focus, chosen, 8)
    assert evidence[0, 0] == pytest.approx(strength + UNDECIDED, rel=1e-5)
    assert target[0, 0] == (evidence[0, 0] if replaces else 0)


@pytest.mark.parametrize(("focus", "chosen"), [(1e6, 1), (1, 1e6), (1, INVALID)])
def test_where_nothing_is_at_stake_shares_decide_nothing(focus, chosen, jit):
    assert add_share_evidence(focus, chosen, 0)[1] == pytest.approx(UNDECIDED)


def slopes(image):
    """Length of the difference across each pixel, to both sides, per channel."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return np.hypot(padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1])


def visible_twin(new, old, scale):
    new, old = (each.reshape(*each.shape[:2], -1).astype(np.float64) for each in (new, old))
    hidden = HIDING_SLOPE_RATIO / 2 * np.maximum(slopes(new), slopes(old))
    shown = np.maximum(abs(new - old) - hidden, 0).max(-1)
    return np.minimum(shown * scale, COUPLING_CEILING) + COUPLING_FLOOR


@pytest.mark.parametrize("shape", [*SHAPES, (6, 7, 1), (9, 4, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int8, np.float32, np.float64])
def test_visible_border_equals_its_twin(shape, dtype, jit):
    rng = np.random.default_rng(0)
    new, old = (20 + 30 * rng.random((2, *shape)) ** 6).astype(dtype)
    new[: shape[0] // 2] += dtype(50)
    for side_px in SIDES:
        np.testing.assert_allclose(
            visibility(new, old, 0.8, side_px), visible_twin(new, old, 0.8), rtol=1e-5
        )


@pytest.mark.parametrize(
    ("slope", "step", "shown"),
    [
        (0, 8, 8),
        (4, 10, 0),
        (4, 12, 2),
        (4, -12, 2),
        (0, 500, COUPLING_CEILING),
    ],
)
@pytest.mark.parametrize("sloping", ["new", "old"])
@pytest.mark.parametrize("axis", [0, 1])
def test_slope_hides_a_step(slope, step, shown, sloping, axis, jit):
    """Up to HIDING_SLOPE_RATIO times the slope beside it, in either plane, no step is visible."""
    ramp = np.full((9, 9), 100.0)
    ramp += slope * (np.arange(9.0) - 4) if axis else slope * (np.arange(9.0)[:, None] - 4)
    flat = np.full((9, 9), 100.0 + step)
    pair = (ramp, flat) if sloping == "new" else (flat, ramp)
    assert visibility(*pair)[4, 4] == pytest.approx(COUPLING_FLOOR + shown)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_difference_in_one_channel_shows(channel, jit):
    new = np.full((5, 5, 3), 80, np.uint8)
    old = new.copy()
    old[..., channel] += 8
    assert visibility(new, old) == pytest.approx(COUPLING_FLOOR + 8)


def test_slope_of_one_channel_hides_nothing_in_another(jit):
    new = np.zeros((9, 9, 2), np.float32)
    new[..., 0] = 20 * np.arange(9)
    old = new.copy()
    old[..., 1] += 8
    assert visibility(new, old)[4, 4] == pytest.approx(COUPLING_FLOOR + 8)


@pytest.mark.parametrize(
    ("broken", "nothing"), [(np.nan, 0), (np.inf, COUPLING_CEILING), (-np.inf, COUPLING_CEILING)]
)
def test_broken_value_spoils_its_neighbours_at_most(broken, nothing):
    """NaN counts as nothing, infinity as the greatest step; what follows is finite."""
    new, old = np.full((2, 9, 9), 50, np.float32)
    old += 10
    new[4, 4] = broken
    seen = visibility(new, old)
    assert np.isfinite(seen).all()
    assert seen[4, 4] == pytest.approx(COUPLING_FLOOR + nothing)
    seen[3:6, 3:6] = 10 + COUPLING_FLOOR
    assert seen == pytest.approx(10 + COUPLING_FLOOR)


@pytest.mark.parametrize("broken", [0, 1])
def test_broken_channel_leaves_the_others(broken, jit):
    new, old = np.full((2, 3, 3, 2), 50, np.float32)
    old[..., 1 - broken] += 10
    new[..., broken] = np.nan
    assert visibility(new, old) == pytest.approx(10 + COUPLING_FLOOR)


def settled(target, focus=1.0, chosen=1.0, side_px=64):
    seams, decision = blank(target.shape)
    seams.target[...] = np.nan
    seams.target[:, : target.shape[1]] = target
    decision.chosen[...] = chosen
    focus = np.broadcast_to(np.float32(focus), target.shape)
    took = np.zeros(target.shape, np.bool_)
    for tile in tiles_of(target, side_px):
        seams.threshold_takeover(focus, decision, took, tile)
    return took


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("side_px", SIDES)
def test_takeover_equals_its_twin(shape, side_px, jit):
    rng = np.random.default_rng(0)
    target = rng.integers(0, 65, shape).astype(np.float32) / 64
    focus, chosen = (rng.choice([-1, 3], shape).astype(np.float32) for _ in range(2))
    padded = np.pad(target, 1, mode="edge")
    lines = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth = (lines[:, :-2] + 2 * lines[:, 1:-1] + lines[:, 2:]) / 16
    expected = (chosen < 0) | ((smooth > 0.5) & (focus >= 0))
    np.testing.assert_array_equal(settled(target, focus, chosen, side_px), expected)


@pytest.mark.parametrize(
    ("target", "focus", "chosen", "took"),
    [
        pytest.param(1, 5, 9, True, id="wanted"),
        pytest.param(0, 9, 5, False, id="not wanted"),
        pytest.param(0.5, 9, 5, False, id="a half is not enough"),
        pytest.param(0, 0, -1, True, id="anything is better than invalid"),
        pytest.param(1, -1, 5, False, id="invalid takes nothing over"),
        pytest.param(0, -1, -1, True, id="of invalid planes the last, as elsewhere"),
    ],
)
def test_takeover(target, focus, chosen, took, jit):
    assert (settled(np.full((3, 3), target, np.float32), focus, chosen) == took).all()


def test_first_plane_takes_over_everywhere():
    """Before any plane, maps ask for a takeover and nothing is chosen."""
    seams, decision = blank((4, 5))
    took = np.zeros((4, 5), np.bool_)
    for tile in tiles_of(took, 3):
        seams.threshold_takeover(np.zeros((4, 5), np.float32), decision, took, tile)
    assert took.all()
