import numpy as np
import pytest

from napari_umis_fusion.fusion.seams import _seams as seams
from napari_umis_fusion.fusion.seams._seams import TakeoverSolver, padded_width
from napari_umis_fusion.runtime import ScratchMemory, Workers, run_to_end

UNSEEN = 0.2
"""Coupling where a border would be invisible, in grey levels."""

SHAPES = [(1, 1), (1, 9), (9, 1), (3, 2), (8, 16), (37, 35)]


KERNEL_MODULES = (seams,)


def random_maps(shape, seed=0):
    """Target, evidence and visibility."""
    rng = np.random.default_rng(seed)
    evidence = rng.uniform(0.01, 20, shape)
    target = evidence * (rng.random(shape) < 0.5)
    visibility = UNSEEN + 64 * rng.random(shape) ** 4
    return [one.astype(np.float32) for one in (target, evidence, visibility)]


def padded(each):
    """Widen a map as the solver has it; what it reads there by mistake spoils the rest."""
    wide = np.full((each.shape[0], padded_width(each.shape[1])), np.nan, np.float32)
    wide[:, : each.shape[1]] = each
    return wide


def run(solve, maps, weight, start, stop, *, is_last=False):
    """Run a kernel; target and evidence change in place."""
    width = maps[0].shape[1]
    wide = [padded(each) for each in maps]
    factors = np.full_like(wide[0], 0.5)
    given = (is_last,) if solve == "solve_columns" else ()
    getattr(seams, solve)(*wide, factors, width, np.float32(weight), *given, start, stop)
    for each, solved in zip(maps, wide, strict=True):
        each[...] = solved[:, :width]
        assert np.isnan(solved[:, width:]).all()


def smoothed_line(values, visibility, weight):
    """Solve (1 + A) u = values, A the line's graph Laplacian, as a dense system."""
    coupling = weight * (visibility[1:] + visibility[:-1]) ** 2
    system = np.eye(len(values)) - np.diag(coupling, 1) - np.diag(coupling, -1)
    system += np.diag(np.append(coupling, 0) + np.append(0, coupling))
    return np.linalg.solve(system, values)


def twin(values, visibility, weight, axis):
    lines = (np.moveaxis(each.astype(np.float64), axis, -1) for each in (values, visibility))
    solved = [smoothed_line(*line, weight) for line in zip(*lines, strict=True)]
    return np.moveaxis(np.array(solved), -1, axis)


@pytest.mark.parametrize(("solve", "axis"), [("solve_rows", 1), ("solve_columns", 0)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_lines_equal_a_dense_solver(shape, solve, axis, jit):
    for weight in (0, 1e-3, 0.1, 4):
        maps = target, evidence, visibility = random_maps(shape)
        expected = [twin(each, visibility, weight, axis) for each in (target, evidence)]
        run(solve, maps, weight, 0, shape[1 - axis])
        for solved, dense in zip((target, evidence), expected, strict=True):
            np.testing.assert_allclose(
                solved, dense, rtol=2e-3, atol=1e-4, err_msg=f"weight {weight}"
            )


@pytest.mark.parametrize(("solve", "axis"), [("solve_rows", 1), ("solve_columns", 0)])
def test_bands_of_lines_are_on_their_own(solve, axis, jit):
    """Whatever the band, a line's solution is the same, and other lines stay untouched."""
    whole, banded = random_maps((21, 21)), random_maps((21, 21))
    before = random_maps((21, 21))
    run(solve, whole, 0.1, 0, 21)
    run(solve, banded, 0.1, 2, 13)
    for all_lines, some_lines, none in zip(whole, banded, before, strict=True):
        expected = np.moveaxis(none, 1 - axis, 0)
        expected[2:13] = np.moveaxis(all_lines, 1 - axis, 0)[2:13]
        np.testing.assert_array_equal(np.moveaxis(some_lines, 1 - axis, 0), expected)


@pytest.mark.parametrize("shape", [(1, 9), (2, 3), (12, 17)], ids=str)
def test_last_columns_leave_wish_per_evidence(shape, jit):
    once, last = random_maps(shape), random_maps(shape)
    run("solve_columns", once, 0.1, 0, shape[1])
    run("solve_columns", last, 0.1, 0, shape[1], is_last=True)
    np.testing.assert_array_equal(last[0], once[0] / once[1])


@pytest.mark.parametrize("smoothness", [0.01, 8])
@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (12, 17)], ids=str)
def test_solver_equals_dense_solves_in_turn(shape, smoothness):
    """Rows and columns four times, each time with a quarter of the coupling before [1]."""
    target, evidence, visibility = random_maps(shape)
    expected = [target, evidence]
    for share in (96 / 255, 24 / 255, 6 / 255, 1.5 / 255):
        for axis in (1, 0):
            expected = [twin(each, visibility, smoothness * share, axis) for each in expected]
    solved = takeover(target / evidence, evidence, visibility, smoothness, threads=2)
    np.testing.assert_allclose(solved, expected[0] / expected[1], rtol=1e-3, atol=1e-4)


def takeover(target, evidence, visibility, smoothness=8.0, threads=1):
    """Solve for u; `target` is u's target, not yet weighed."""
    evidence, visibility = (
        np.broadcast_to(np.asarray(each, np.float32), target.shape).copy()
        for each in (evidence, visibility)
    )
    maps = [padded(each) for each in (target * evidence, evidence, visibility)]
    with Workers(threads) as workers:
        solver = TakeoverSolver(smoothness, target.shape, workers, ScratchMemory(16))
        run_to_end(solver.iter_solve(*maps))
    return maps[0][:, : target.shape[1]]


@pytest.mark.parametrize(
    ("visibility", "strength", "stays"),
    [
        pytest.param(10, 1, False, id="weak, seen"),
        pytest.param(10, 1e6, True, id="overwhelming, seen"),
        pytest.param(60, 1e3, False, id="strong, seen well"),
        pytest.param(UNSEEN, 1e3, True, id="strong, unseen"),
        pytest.param(UNSEEN, 0.01, False, id="weak, unseen"),
    ],
)
@pytest.mark.parametrize("around", [0, 1])
def test_speck_stays_if_its_evidence_outweighs_its_border(visibility, strength, stays, around):
    target = np.full((41, 43), around, np.float32)
    evidence = np.ones((41, 43))
    target[20, 21], evidence[20, 21] = 1 - around, strength
    changed = (takeover(target, evidence, visibility) > 0.5) != around
    assert changed[20, 21] == stays
    if not stays or visibility == UNSEEN:
        assert changed.sum() <= 50 * stays


@pytest.mark.parametrize("column", [10, 17, 28])
@pytest.mark.parametrize("transposed", [False, True])
def test_border_moves_to_where_it_cannot_be_seen(column, transposed):
    """Between two sides that know what they want, the cut falls into the invisible gap."""
    target = np.zeros((24, 40))
    target[:, :20] = 1
    evidence = np.full((24, 40), 1e-4)
    evidence[:, :5] = evidence[:, -5:] = 30
    visibility = np.full((24, 40), 30.0)
    visibility[:, column : column + 2] = UNSEEN
    maps = [each.T if transposed else each for each in (target, evidence, visibility)]
    took = takeover(*maps) > 0.5
    took = took.T if transposed else took
    np.testing.assert_array_equal(took, np.arange(40) <= np.full((24, 1), column))


@pytest.mark.parametrize("wanted", [0.0, 0.3, 1.0])
def test_constant_wish_stays(wanted):
    _, evidence, visibility = random_maps((20, 30))
    took = takeover(np.full((20, 30), wanted), evidence, visibility)
    np.testing.assert_allclose(took, wanted, rtol=1e-5)


def test_without_smoothness_every_pixel_has_its_wish():
    target = np.random.default_rng(0).random((13, 11))
    np.testing.assert_allclose(takeover(target, 2.0, 30.0, smoothness=0), target, rtol=1e-6)


@pytest.mark.parametrize("smoothness", [0.1, 8, 1e4])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (33, 50)], ids=str)
def test_takeover_is_between_0_and_1(shape, smoothness):
    rng = np.random.default_rng(3)
    evidence = 10.0 ** rng.uniform(-4, 4, shape)
    visibility = rng.choice([UNSEEN, 64], shape)
    took = takeover((rng.random(shape) < 0.5).astype(float), evidence, visibility, smoothness)
    assert np.isfinite(took).all()
    assert took.min() >= 0
    assert took.max() <= 1 + 1e-5


def test_threads_change_nothing():
    target, evidence, visibility = random_maps((70, 530))
    target = target / evidence
    one, three = (takeover(target, evidence, visibility, threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("width", [1, 15, 16, 17, 512, 2048])
def test_rows_do_not_compete_for_the_cache(width):
    """Rows are an odd number of cache lines of 16 values apart."""
    assert padded_width(width) >= width
    assert padded_width(width) % 32 == 16
