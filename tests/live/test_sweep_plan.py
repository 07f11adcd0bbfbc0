"""Plans of sweeps: heights, steps, and what they will take."""

import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.live import SweepPlan, estimate_run, nyquist_step_um


@pytest.mark.parametrize(
    ("na", "wavelength_nm", "index", "step_um"),
    [
        # Worked out by hand from the formula, for common lenses.
        (0.3, 520, 1.0, 5.6454),
        (0.8, 520, 1.0, 0.6500),
        (1.2, 520, 1.33, 0.3437),
        (1.4, 520, 1.515, 0.2776),
    ],
)
def test_nyquist_step(na, wavelength_nm, index, step_um):
    assert nyquist_step_um(na, wavelength_nm, index) == pytest.approx(step_um, rel=1e-3)
    plan = SweepPlan(step_um=0, na=na, wavelength_nm=wavelength_nm, refractive_index=index)
    assert plan.resolved_step_um == nyquist_step_um(na, wavelength_nm, index)


@pytest.mark.parametrize("options", [(1.0, 520, 1.0), (0.0, 520, 1.0), (0.3, 0, 1.0)])
def test_nyquist_step_refuses(options):
    with pytest.raises(ConfigError, match="accepted is"):
        nyquist_step_um(*options)


@pytest.mark.parametrize("step_um", [0.1, 0.3, 1.0, 2.5, 7.0, 100.0])
@pytest.mark.parametrize("range_by", ["around", "top_bottom"])
def test_heights_cover_the_range_in_even_steps(step_um, range_by):
    plan = SweepPlan(range_by=range_by, range_um=9, bottom_um=-3, top_um=6, step_um=step_um)
    heights = plan.heights_um(1.5)
    assert len(heights) == plan.planes
    assert heights[0] <= -3 + 1e-6
    assert heights[-1] >= 6 - 1e-6
    assert heights[-1] - heights[0] < 9 + 2 * step_um
    for sequence in plan.sequences(1.5):
        assert [event.z_pos for event in sequence] == pytest.approx(list(heights))


def test_directions():
    plan = SweepPlan(range_by="top_bottom", bottom_um=0, top_um=2, step_um=1)
    ways = {
        way: [[event.z_pos for event in one] for one in plan.replace(direction=way).sequences()]
        for way in ("up", "down", "both")
    }
    assert ways == {"up": [[0, 1, 2]], "down": [[2, 1, 0]], "both": [[0, 1, 2], [2, 1, 0]]}


def test_positions_with_heights_are_swept_around_them():
    from useq import MDASequence

    base = MDASequence(stage_positions=[(0, 0, 10), (0, 0, 20)], channels=["DAPI"])
    (sequence,) = SweepPlan(range_um=2, step_um=1).sequences(5.0, base)
    assert [event.z_pos for event in sequence] == [9, 10, 11, 19, 20, 21]
    assert {event.channel.config for event in sequence} == {"DAPI"}


def test_what_a_run_will_take():
    from useq import MDASequence

    base = MDASequence(time_plan={"interval": 10, "loops": 3}, axis_order="tz")
    sequences = SweepPlan(range_um=4, step_um=1, direction="both").sequences(0, base)
    told = estimate_run(sequences, exposure_ms=80, settle_ms=10, frame_ms=10, frame_bytes=2**20)
    assert (told.planes, told.stacks, told.frames, told.size_mb) == (5, 6, 30, 30)
    # The last time point begins after 20 s and takes 5 frames of 0.1 s; twice.
    assert told.seconds == pytest.approx(41)
    assert str(told) == "6 stacks of 5 planes, 30 frames, about 41.0 s, 30 MB"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"range_by": "top_bottom", "top_um": 0, "bottom_um": 1}, "Exchange the two"),
        ({"range_um": 1e5, "step_um": 0.001}, "accepted are at most 10000"),
        ({"step_um": -1}, "step_um=-1"),
        ({"direction": "sideways"}, "sideways"),
        ({"step_um": 0, "na": 1.3}, "below the refractive index"),
        ({"range_um": float("nan")}, "range_um=nan"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ConfigError, match=message):
        SweepPlan(**options)
