"""The numbers behind the plots: all of them, their traces, and the best step."""

import math

import numpy as np
import pytest

from napari_umis_fusion.training import LossCurve, StepDone, Validated, Working
from napari_umis_fusion.training.traced_curve import TracedCurve


def step(number, total=1.0):
    return StepDone(number, 100, {"total": total, "mse": total / 2}, 1e-3)


def validated(number, score):
    return Validated(number, score, {"psnr": score, "loss": -score}, {}, True)


def taken(*events):
    numbers = TracedCurve()
    for event in events:
        numbers.add(event)
    return numbers


def test_events_without_numbers_are_ignored():
    numbers = TracedCurve()
    assert not numbers.add(Working(1, 100))
    assert numbers.add(step(1))
    assert numbers.add(validated(1, 20.0))
    assert numbers.curve.names == [
        *("learning_rate", "total", "mse"),
        *("validation_score", "validation_psnr", "validation_loss"),
    ]


def test_traces_follow_the_curve():
    numbers = taken(*(step(k, float(k)) for k in (5, 6, 7)))
    np.testing.assert_array_equal(numbers.trace("total").steps, [5, 6, 7])
    np.testing.assert_array_equal(numbers.trace("mse").raw, [2.5, 3, 3.5])
    assert len(numbers.trace("absent")) == 0


@pytest.mark.parametrize("again", [2, 3])
def test_steps_may_go_back_to_a_checkpoint(again):
    numbers = taken(*(step(k) for k in (1, 2, 3)), step(again, 9.0))
    np.testing.assert_array_equal(numbers.trace("total").steps, [1, 2, 3])
    wanted = [1.0, 1.0, 1.0]
    wanted[again - 1] = 9.0
    np.testing.assert_array_equal(numbers.trace("total").raw, wanted)
    assert [row["total"] for row in numbers.curve.rows] == wanted


@pytest.mark.parametrize(
    ("scores", "best"),
    [([], None), ([math.nan], None), ([1, 3, 2], 20), ([3, 3], 10), ([math.nan, -4, -5], 20)],
)
@pytest.mark.parametrize("is_loaded", [False, True])
def test_best_step_has_the_highest_score_first(scores, best, is_loaded):
    numbers = taken(*(validated(10 * k, float(score)) for k, score in enumerate(scores, 1)))
    if is_loaded:
        curve, numbers = numbers.curve, TracedCurve()
        numbers.load(curve)
    assert numbers.best_step == best


def test_a_loaded_curve_is_a_copy():
    given = LossCurve()
    given.add(step(1))
    numbers = TracedCurve()
    numbers.load(given)
    numbers.add(step(2))
    given.add(step(3))
    assert [row["step"] for row in numbers.curve.rows] == [1, 2]
    assert [row["step"] for row in given.rows] == [1, 3]
    np.testing.assert_array_equal(numbers.trace("total").steps, [1, 2])


def test_values_near_a_step():
    numbers = taken(*(step(k, float(k)) for k in range(1, 101)), validated(50, 30.0))
    assert numbers.step_near("total", 41.6) == 42
    assert numbers.value_near("mse", math.inf) == 50.0
    assert numbers.value_near("validation_psnr", 3) == 30.0
    assert numbers.smoothed_near("total", 50, 0.5) == pytest.approx(50)
    for nothing in (
        numbers.step_near("absent", 1),
        numbers.value_near("absent", 1),
        numbers.value_near(None, 1),
        numbers.value_near("total", None),
        numbers.smoothed_near(None, 1, 0.5),
        numbers.smoothed_near("absent", 1, 0.5),
    ):
        assert nothing is None
