"""What is found of planes, from their tables alone."""

from functools import lru_cache
from itertools import cycle, product

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.preprocess.health import PlaneHealth, notes_on, report_planes
from napari_umis_fusion.preprocess.health._judge import LOOK_AHEAD, PlaneJudge, judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.stack import stack_of_arrays
from napari_umis_fusion.synthetic import SCENES, make_stack

SHAPE = (96, 128)
PLANES = 9


@lru_cache(200)
def measured(z, values, shape, dtype):
    return measure_plane(z, np.frombuffer(values, dtype).reshape(shape))


judged = lru_cache(1)(judge_planes)


def healths_of(stack):
    """Judge planes, once for all questions; most are those of an earlier stack, and known."""
    planes = np.ascontiguousarray(stack)
    return judged(
        tuple(measured(z, one.tobytes(), one.shape, one.dtype) for z, one in enumerate(planes))
    )


def findings_of(stack):
    return {one.z: one.findings for one in healths_of(stack) if one.findings}


@pytest.fixture(scope="module")
def grey():
    stack = make_stack("bumps", SHAPE, planes=PLANES, channels=None, noisy=True).stack
    return np.clip(stack, 1, 254)


@pytest.fixture(scope="module")
def colour():
    return make_stack("discs", SHAPE, planes=PLANES, noisy=True).stack


@pytest.fixture(scope="module")
def fluorescence():
    return make_stack("fluorescence", SHAPE, planes=PLANES, noisy=True).stack


@pytest.mark.parametrize(("planes", "noisy"), [(1, True), (2, False), (4, True), (12, False)])
@pytest.mark.parametrize("name", SCENES)
def test_sound_stacks_are_left_alone(name, noisy, planes):
    if planes == 1:
        stack = make_stack(name, SHAPE, planes=2, noisy=noisy, seed=planes).stack[:1]
    else:
        stack = make_stack(name, SHAPE, planes=planes, noisy=noisy, seed=planes).stack
    assert findings_of(stack) == {}


LOST = [0], [PLANES - 1], [4], [3, 4], [1, 2, 3, 4, 5], [0, 5], [0, 1]
DTYPES = "uint8", "uint16", "int16", "uint32", "float32", "float16"
SHARES = 0.0, 0.4, 1.0


@pytest.mark.parametrize(
    ("lost", "share", "dtype"),
    [
        *((lost, share, "uint8") for lost, share in zip(LOST, cycle(SHARES), strict=False)),
        *(([3, 4], share, dtype) for dtype, share in product(DTYPES[1:], SHARES[1:])),
    ],
)
def test_blank_planes(grey, dtype, share, lost):
    stack = grey.astype(dtype)
    stack[lost] = np.dtype(dtype).type(share * stack.max())
    assert findings_of(stack) == dict.fromkeys(lost, ("blank",))
    assert all(one.is_left_out == (one.z in lost) for one in healths_of(stack))


def test_planes_without_values_are_blank(grey):
    stack = grey.astype(np.float32)
    stack[[0, 4]] = np.nan
    stack[6, 0] = np.inf
    assert findings_of(stack) == {0: ("blank",), 4: ("blank",)}


def test_frames_recorded_in_the_dark_are_blank(grey):
    stack = grey.astype(np.float64)
    stack[[3, 4]] = np.random.default_rng(0).normal(20, 2, (2, *SHAPE))
    assert findings_of(stack.astype(np.uint8)) == {3: ("blank",), 4: ("blank",)}


@pytest.mark.parametrize("channel", range(3))
@pytest.mark.parametrize("z", [0, 4, PLANES - 1])
def test_a_channel_that_is_missing(colour, channel, z):
    stack = colour.copy()
    stack[z, ..., channel] = 0
    assert findings_of(stack) == {z: ("channel blank",)}


def test_a_channel_that_is_dark_in_all_planes_or_fades_in_is_none(colour):
    stack = colour.copy()
    stack[..., 2] = 0
    assert findings_of(stack) == {}
    stack[4:, ..., 2] = 1  # nearly nothing
    assert findings_of(stack) == {}


TEARS = {
    "lower": np.s_[60:],
    "upper": np.s_[:41],
    "last rows": np.s_[83:],
    "left": np.s_[:, :50],
    "right": np.s_[:, 77:],
    "band": np.s_[37:66],
    "corner": np.s_[50:, 70:],
}


@pytest.mark.parametrize(
    ("where", "z", "value"),
    [
        (where, *case)
        for where, case in zip(
            [*TEARS, *TEARS],
            cycle([(0, 255), (4, 0), (4, 255), (PLANES - 1, 0)]),
            strict=False,
        )
    ],
)
def test_torn_frames(grey, where, z, value):
    stack = grey.copy()
    stack[z][TEARS[where]] = value
    assert findings_of(stack) == {z: ("torn",)}
    gap = healths_of(stack)[z].unusable(stack[z])
    torn = np.zeros(SHAPE, bool)
    torn[TEARS[where]] = True
    assert gap[torn].all()
    assert gap.sum() <= torn.sum() + 4 * sum(SHAPE)


def test_a_line_that_was_written_in_part(grey):
    stack = grey.copy()
    stack[4].reshape(-1)[50 * SHAPE[1] + 33 :] = 0
    assert healths_of(stack)[4].unusable(stack[4])[stack[4] == 0].all()


def test_tears_in_neighbouring_planes(grey):
    stack = grey.copy()
    stack[3, 40:] = 0
    stack[4, 50:] = 0
    assert findings_of(stack) == {3: ("torn",), 4: ("torn",)}


def test_padding_that_all_planes_have_is_no_tear(grey):
    stack = grey.copy()
    stack[:, 60:] = 0
    assert findings_of(stack) == {}


GAINS = [
    *((z, gain) for z in (0, 4, PLANES - 1) for gain in (0.25, 0.8, 1.8)),
    *((1, gain) for gain in (0.5, 1.25, 1.5)),
]
SOME_GAINS = [(0, 0.25), (1, 1.8), (4, 0.8), (PLANES - 1, 0.5)]


@pytest.mark.parametrize(
    ("name", "z", "gain"),
    [
        *(("grey", *case) for case in GAINS),
        *((name, *case) for name in ("colour", "fluorescence") for case in SOME_GAINS),
    ],
)
def test_exposure(name, z, gain, request):
    stack = request.getfixturevalue(name).astype(np.float32)
    stack[z] *= gain
    assert findings_of(stack) == {z: ("exposure",)}
    health = healths_of(stack)[z]
    assert health.gain == pytest.approx(gain, rel=0.03)
    assert not health.is_left_out


def test_two_planes_in_a_row(grey):
    stack = grey.astype(np.float32)
    stack[[3, 4]] *= 1.6
    assert findings_of(stack) == {3: ("exposure",), 4: ("exposure",)}


def test_exposure_on_top_of_an_offset_of_the_camera(fluorescence):
    signal = fluorescence.astype(np.float64) * 3
    stack = signal + 2000
    stack[4] = 2000 + 2 * signal[4]
    health = healths_of(stack)[4]
    assert health.gain == pytest.approx(2, rel=0.05)
    np.testing.assert_allclose(np.median(health.scaled(stack[4])), np.median(stack[5]), rtol=0.02)


def test_clipped_pixels_do_not_compete(grey):
    stack = (grey.astype(np.uint16) + 60).clip(0, 255).astype(np.uint8)
    stack[4] = (stack[4] * 1.7).clip(0, 255).astype(np.uint8)
    assert findings_of(stack) == {4: ("exposure", "clipped")}
    health = healths_of(stack)[4]
    assert health.gain == pytest.approx(1.7, rel=0.03)
    np.testing.assert_array_equal(health.unusable(stack[4]), stack[4] == 255)


def test_a_plane_clipped_nearly_everywhere_is_left_out(grey):
    stack = grey.copy()
    stack[4] = (stack[4] * 20.0).clip(0, 255).astype(np.uint8)
    health = healths_of(stack)[4]
    assert "clipped" in health.findings
    assert health.is_left_out


@pytest.mark.parametrize(
    "gains",
    [
        np.geomspace(1, 0.3, PLANES),
        np.geomspace(0.3, 1, PLANES),
        np.linspace(1, 1.6, PLANES),
        np.tile([1, 1.5], PLANES)[:PLANES],
    ],
    ids=["fading", "rising", "drift", "alternating"],
)
def test_light_that_drifts_is_no_exception(grey, gains):
    stack = grey * np.asarray(gains, np.float32)[:, None, None]
    assert all(one.is_sound for one in healths_of(stack))


def test_light_that_flickers_is_told(grey):
    gains = np.random.default_rng(1).uniform(0.6, 1.4, PLANES)
    healths = healths_of(grey * gains.astype(np.float32)[:, None, None])
    told = [one.z for one in healths if {"flicker", "exposure", "jump"} & set(one.findings)]
    changes = np.flatnonzero(np.abs(np.diff(np.log(gains))) > np.log(1.15)) + 1
    assert set(changes) <= {z + step for z in told for step in (0, 1)}


def test_light_that_changes_for_good_is_told(grey):
    stack = grey.astype(np.float32)
    stack[4:] *= 1.5
    assert findings_of(stack) == {4: ("jump",)}
    assert all(one.is_sound for one in healths_of(stack))


def test_two_planes_have_no_majority(grey):
    stack = grey[3:5].astype(np.float32)
    stack[1] *= 1.8
    assert findings_of(stack) == {1: ("jump",)}


def test_duplicates(colour):
    stack = colour[[0, 1, 1, 2, 3, 3, 3]]
    assert findings_of(stack) == dict.fromkeys((2, 5, 6), ("duplicate",))
    assert [one.z for one in healths_of(stack) if one.is_left_out] == [2, 5, 6]


def test_planes_of_the_same_values_in_other_places_are_no_duplicates():
    board = np.indices((64, 64)).sum(0) % 2 * 200
    stack = np.stack([board, 200 - board]).astype(np.uint8)
    assert all(one.findings == () for one in healths_of(stack))


def test_planes_are_judged_a_few_planes_later_as_all_at_once(colour):
    stack = colour.copy()
    stack[2] = 0
    judge = PlaneJudge()
    counts, found = [], []
    for z, plane in enumerate(stack):
        found += judge.add(measure_plane(z, plane))
        counts.append(len(found))
    assert counts == [max(0, z + 1 - LOOK_AHEAD) for z in range(PLANES)]
    assert tuple(judge.finish(found)) == healths_of(stack)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (7, 9), (16, 17)])
def test_tiny_planes_are_judged_without_a_word(shape):
    stack = np.random.default_rng(0).integers(0, 255, (5, *shape), np.uint8)
    assert len(healths_of(stack)) == 5


def test_scaled_values_keep_to_the_dtype():
    health = PlaneHealth(0, ("exposure",), gain=0.25)
    scaled = health.scaled(np.array([[1, 63, 200]], np.uint8))
    np.testing.assert_array_equal(scaled, np.array([[4, 252, 255]], np.uint8))
    assert scaled.dtype == np.uint8


def test_notes_name_all_planes_of_a_kind():
    blank = [PlaneHealth(z, ("blank",), is_left_out=True) for z in range(30)]
    odd = PlaneHealth(40, ("exposure", "clipped"), gain=1.8, tops=(255.0,))
    assert notes_on([*blank[:2], PlaneHealth(2), odd]) == [
        "planes 0, 1 are blank: left out",
        "plane 40 is 1.80 times as bright as those around: scaled to them, without its clipped "
        "pixels",
    ]
    assert notes_on(blank)[0].endswith("11 and 18 more are blank: left out")


def test_reports(colour):
    stack = colour.copy()
    stack[4] = 7
    reports = report_planes(stack_of_arrays(stack))
    assert [one.z for one in reports] == list(range(PLANES))
    told = reports[4].describe()
    assert (told["mean"], told["lowest"], told["highest"], told["sharpness"]) == (7, 7, 7, 0)
    assert told["findings"] == ["blank"]
    assert reports[0].mean == pytest.approx(colour[0].mean(), rel=0.01)
    assert (reports[0].lowest, reports[0].highest) == (colour[0].min(), colour[0].max())
    assert 0 < reports[0].sharpness < 1


@pytest.mark.parametrize("z", [0, 4, PLANES - 1])
@pytest.mark.parametrize(("axis", "value"), [("rows", 0), ("columns", 255)])
def test_half_frames_are_left_out(grey, value, axis, z):
    stack = grey.copy()
    if axis == "rows":
        stack[z, 1::2] = value
    else:
        stack[z, :, ::2] = value
    assert findings_of(stack) == {z: ("torn",)}
    assert healths_of(stack)[z].is_left_out


@pytest.mark.parametrize("z", [0, 3])
def test_a_mosaic_with_more_colour_in_one_plane_is_no_noise_of_lines(z):
    rng, shape = np.random.default_rng(0), (96, 120)
    scene = 120 + 1500 * gaussian_filter(rng.normal(0, 1, shape), 8)
    blurred = [gaussian_filter(scene, 1 + abs(k - 3)) for k in range(7)]
    stack = np.array(blurred) + rng.normal(0, 1, (7, *shape))
    stack[:, ::2] += 3
    stack[z, :, ::2] += 15
    assert findings_of(np.clip(np.rint(stack), 0, 255).astype(np.uint8)) == {}


def test_a_mosaic_in_all_planes_is_no_half_frame(grey):
    stack = grey.copy()
    stack[:, ::2, ::2] //= 3
    stack[:, 1::2, 1::2] //= 2
    assert findings_of(stack) == {}


ELSEWHERE = {
    "turned": lambda plane: plane[::-1, ::-1],
    "rows shifted": lambda plane: np.roll(plane, SHAPE[0] // 3, axis=0),
    "columns shifted": lambda plane: np.roll(plane, SHAPE[1] // 2, axis=1),
}


@pytest.mark.parametrize("z", [1, 4, PLANES - 2])
@pytest.mark.parametrize(
    ("name", "how"), [*(("grey", how) for how in ELSEWHERE), ("colour", "turned")]
)
def test_frames_of_another_place_are_left_out(name, how, z, request):
    stack = request.getfixturevalue(name).copy()
    stack[z] = ELSEWHERE[how](stack[z])
    assert findings_of(stack) == {z: ("elsewhere",)}
    assert healths_of(stack)[z].is_left_out


def test_two_frames_of_another_place_side_by_side(grey):
    stack = grey.copy()
    stack[[3, 4]] = stack[[3, 4], ::-1, ::-1]
    assert findings_of(stack) == {3: ("elsewhere",), 4: ("elsewhere",)}


def test_a_place_that_changes_for_good_is_told(grey):
    stack = grey.copy()
    stack[5:] = stack[5:, ::-1, ::-1]
    assert findings_of(stack) == {5: ("place",)}
    assert all(one.is_sound for one in healths_of(stack))
    assert "another place than all before" in notes_on(healths_of(stack))[0]


def test_drift_and_defocus_are_no_other_place():

    for seed in range(2):
        scene = gaussian_filter(np.random.default_rng(seed).random((140, 300)), 2) * 2000
        drift = [scene[20:116, 12 * z : 12 * z + 128] for z in range(9)]
        found = findings_of(np.array(drift, np.uint16))
        assert found == dict.fromkeys(range(1, 9), ("adrift",)), "which is only told"
        defocus = [gaussian_filter(scene, abs(z - 4) * 3 + 0.1)[20:116, :128] for z in range(9)]
        assert findings_of(np.array(defocus, np.uint16)) == {}


def test_an_odd_light_does_not_make_its_neighbours_odd(grey):
    """Planes are judged by what is known of those before them, not by what they look like."""
    stack = grey.astype(np.float32)
    for z, gain in ((2, 0.7), (4, 0.8), (6, 1.5)):
        stack[z] *= gain
    assert {one.z for one in healths_of(stack) if one.is_scaled} <= {2, 4, 6}


@pytest.mark.parametrize(("where", "seed"), [(0, 0), (1, 1), (3, 2), (5, 0), (6, 1)])
def test_the_only_plane_that_shows_anything_is_no_other_place(where, seed):
    """As in optical sections: empty planes share the background, one shows the specimen."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:160, :200] / 100
    background = 400 + 60 * np.exp(-((y - 0.8) ** 2) - (x - 1) ** 2)
    planes = background + rng.normal(0, 4, (7, 160, 200))
    for _ in range(12):
        row, column = rng.integers(10, 140), rng.integers(10, 180)
        planes[where, row : row + 14, column : column + 14] += rng.uniform(500, 3000)
    healths = healths_of(planes.astype(np.uint16))
    assert not any(one.is_left_out for one in healths), [one.findings for one in healths]


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize(("side", "z"), [("top", 0), ("bottom", 4), ("left", 8), ("right", 3)])
def test_padding_of_planes_that_were_moved_is_told(grey, side, z, value):
    stack = grey.copy()
    stack[z][
        {"top": np.s_[:3], "bottom": np.s_[-3:], "left": np.s_[:, :3], "right": np.s_[:, -3:]}[side]
    ] = value
    assert findings_of(stack) == {z: ("padded",)}
    (note,) = notes_on(healths_of(stack))
    assert note.startswith(f"plane {z} is of one value along a border")


def test_a_dark_ground_is_no_padding(fluorescence):
    stack = np.maximum(fluorescence.astype(int) - int(np.percentile(fluorescence, 60)), 0)
    stack[3, :4] = 0
    assert "padded" not in findings_of(stack.astype(fluorescence.dtype)).get(3, ())


def test_padding_that_all_planes_have_alike_is_not_told(grey):
    stack = grey.copy()
    stack[:, :3] = 0
    assert findings_of(stack) == {}


ANOTHER = {
    "wrapped": lambda plane: plane + 128,  # modulo 256
    "negative": lambda plane: 255 - plane,
}


@pytest.mark.parametrize("z", [1, 4])
@pytest.mark.parametrize("what", ANOTHER)
def test_planes_of_another_picture_are_left_out(grey, what, z):
    stack = grey.copy()
    stack[z] = ANOTHER[what](stack[z])
    assert [one.z for one in healths_of(stack) if one.is_left_out] == [z]


def test_swapped_colours_are_put_in_order(colour):
    stack = np.clip(colour * np.array((1, 0.8, 0.5)), 0, 255).astype(np.uint8)
    stack[4] = stack[4, ..., ::-1]
    assert findings_of(stack) == {4: ("channels",)}


@pytest.mark.parametrize("z", [0, 4, PLANES - 1])
@pytest.mark.parametrize("name", ["grey", "fluorescence"])
def test_random_values_are_noise(name, z, request):
    stack = request.getfixturevalue(name).copy()
    stack[z] = np.random.default_rng(z).integers(0, stack.max(), SHAPE)
    assert [one.z for one in healths_of(stack) if one.is_left_out] == [z]
    assert "left out" in notes_on(healths_of(stack))[0]


@pytest.mark.parametrize("axis", [0, 1])
def test_detail_in_focus_is_no_noise(axis):
    """Fine stripes and texture of pixels that one plane shows sharply, and others not at all."""

    for seed in range(4):
        rng = np.random.default_rng(seed)
        sides = [1 if k == axis else side for k, side in enumerate(SHAPE)]
        scene = 100 + 40 * np.broadcast_to(rng.normal(0, 1, sides), SHAPE)
        scene = gaussian_filter(scene + 30 * rng.normal(0, 1, SHAPE), 0.7)
        planes = [
            gaussian_filter(scene, abs(z - 4) * 2) + rng.normal(0, 2, SHAPE) for z in range(9)
        ]
        assert not any(one.is_left_out for one in healths_of(np.clip(planes, 0, 255)))


@pytest.mark.parametrize("z", [0, PLANES - 1])
def test_first_and_last_frames_recorded_in_the_dark_are_blank(grey, z):
    stack = grey.copy()
    stack[z] = np.random.default_rng(0).integers(2, 7, SHAPE)
    assert findings_of(stack) == {z: ("blank",)}


@pytest.mark.parametrize("z", [0, 4])
@pytest.mark.parametrize("where", [np.s_[40:41], np.s_[:, 70:72], np.s_[20:26]], ids=str)
def test_lines_that_were_not_written(grey, where, z):
    stack = np.maximum(grey, 60)
    stack[z][where] = 0
    assert findings_of(stack) == {z: ("torn",)}
    gap = healths_of(stack)[z].unusable(stack[z])
    assert gap[stack[z] == 0].all()
    assert gap.mean() < 0.15


def test_holes_of_any_shape_do_not_compete(grey):
    rows, columns = np.indices(SHAPE)
    for hole in (columns > rows + 20, np.hypot(rows - 48, columns - 64) < 30):
        for value in (0, 255):
            stack = grey.copy()
            stack[4][hole] = value
            healths = healths_of(stack)
            assert "torn" in healths[4].findings
            assert healths[4].is_left_out or healths[4].unusable(stack[4])[hole].mean() > 0.99
            assert all(one.is_sound for one in healths if one.z != 4)


@pytest.mark.parametrize("shift", [-30, 30, 70])
def test_a_black_level_of_its_own(grey, shift):
    stack = grey * np.float32(0.5) + 70
    stack[4] += shift
    health = healths_of(stack)[4]
    assert health.findings == ("exposure",)
    np.testing.assert_allclose(health.scaled(stack[4]), stack[4] - shift, atol=4)
    assert f"{'brighter' if shift > 0 else 'darker'} by" in notes_on([health])[0]


def test_small_steps_of_light_are_told(grey):
    stack = grey * np.geomspace(1, 0.6, PLANES).astype(np.float32)[:, None, None]
    told = [one.z for one in healths_of(stack) if "drift" in one.findings]
    assert told
    assert min(told) > 1


@pytest.mark.parametrize("planes", [3, 5])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_grating_of_single_lines_in_focus_is_not_torn(axis, planes):
    """At the limit of what a camera resolves, defocus leaves nothing of it, as of lines lost."""
    lines = np.indices(SHAPE)[axis] % 2
    for best in range(planes):
        rng = np.random.default_rng(best)
        blurs = [max(0.3, 3 * abs(z - best)) for z in range(planes)]
        stack = [gaussian_filter(80.0 + 90 * lines, blur) for blur in blurs]
        stack = np.rint(stack + rng.normal(0, 2, (planes, *SHAPE))).astype(np.uint8)
        assert not any(one.is_left_out for one in healths_of(stack))


@pytest.mark.parametrize("scale", [1, 200])
def test_two_tones_in_focus_are_not_too_bright(scale):
    """More than half of the pixels have the highest value in the plane in focus, and only there."""
    tones = np.kron(np.random.default_rng(2).random((24, 30)) < 0.6, np.ones((4, 4))) * 200.0 + 20
    stack = np.stack([gaussian_filter(tones, sigma) for sigma in (4, 2, 0, 2, 4)]) * scale
    assert not any(health.is_left_out for health in healths_of(stack.astype(np.uint16)))


def test_planes_that_are_the_same_tell_of_nothing_usual():
    """As in stacks that were drawn, of which a plane alone is in focus."""
    drawn = gaussian_filter(np.random.default_rng(0).uniform(0, 255, (256, 320)), 0.7)
    blurred = gaussian_filter(drawn, 4)
    assert findings_of(np.stack([blurred, drawn, blurred]).astype(np.uint8)) == {}
