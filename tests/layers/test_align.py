"""Layers whose planes moved: aligned, cropped or masked, and put where they belong."""

import json
import threading
from functools import cache

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, LayerPlan, fuse, fuse_layer, iter_fuse_layer
from napari_umis_fusion.alignment import AlignedStack, Alignment
from napari_umis_fusion.errors import AlignmentError, ConfigError
from napari_umis_fusion.files import RUN_KEY, layer_image
from napari_umis_fusion.files._placement import Placement
from napari_umis_fusion.layers import LayerFinished, LayerProgress, LayerStarted, script_for
from napari_umis_fusion.layers import _align as aligning
from napari_umis_fusion.runtime import Progress
from napari_umis_fusion.synthetic import Motion, RenderConfig, render_moving_stack

PLANES, SHAPE = 5, (120, 150)
QUICK = {"focus_measure": "laplacian"}
ALIGNED = {**QUICK, "align": "translation"}
DRIFTS = ((8.0, -5.0), (-3.0, 12.0))
TOLERANCE_PX = 0.3


@cache
def moving(drift=DRIFTS[0], jitter=0.4):
    """Return a rendered stack, grey, whose planes drift, and where its planes are."""
    motion = Motion(drift_px=drift, jitter_px=jitter, seed=2)
    return render_moving_stack("bumps", SHAPE, motion, RenderConfig(planes=PLANES), None)


@cache
def movie():
    """Return two time points (T, Z, Y, X) that drift differently."""
    return np.stack([moving(drift).stack for drift in DRIFTS])


def layer_of(data, axes, **attributes):
    scale = [{"z": 1.5, "y": 0.4, "x": 0.2}.get(axis, 1.0) for axis in axes]
    translate = [{"z": 3.0, "y": 10.0, "x": 20.0}.get(axis, 0.0) for axis in axes]
    return data, {"axis_labels": tuple(axes), "scale": scale, "translate": translate, **attributes}


def finished(layer, **options):
    *_, last = iter_fuse_layer(layer, **options)
    assert isinstance(last, LayerFinished)
    return last


def image_of(made):
    return next(one for one in made.layers if one[1]["metadata"][RUN_KEY]["output"] == KIND)


KIND = "all_in_focus"


def off_by(alignment, truth):
    """Return how far transforms are from the truth, in pixels."""
    return np.abs(alignment.transforms - truth.transforms).max()


def window_of(made):
    """Return first row and column that an image shows, from where it lies in the world."""
    translate, scale = made[1]["translate"][-2:], made[1]["scale"][-2:]
    return np.round(np.subtract(translate, (10.0, 20.0)) / scale, 9)


# --- one stack


def test_layer_is_fused_as_the_stack_is():
    made = finished(layer_of(moving().stack, "zyx"), **ALIGNED)
    result = fuse(moving().stack, **ALIGNED)
    rows, columns = result.window
    np.testing.assert_array_equal(image_of(made)[0], result.all_in_focus)
    np.testing.assert_array_equal(window_of(image_of(made)), (rows.start, columns.start))
    (alignment,) = made.alignments
    np.testing.assert_array_equal(alignment.transforms, result.alignment.transforms)
    assert off_by(alignment, moving()) < TOLERANCE_PX
    assert made.notes[0] == alignment.summary()


def test_every_output_lies_on_the_middle_plane_of_the_stack():
    stack = moving().stack
    made = finished(layer_of(stack, "zyx"), **ALIGNED)
    shape = image_of(made)[0].shape
    assert shape < stack.shape[1:]
    for data, attributes, _ in made.layers:
        assert data.shape == shape
        placement = Placement.of(2, **{name: attributes[name] for name in ("scale", "translate")})
        world = placement.translate + placement.scale * (7, 9)
        row, column = np.rint((world - (10, 20)) / (0.4, 0.2)).astype(int)
        start = np.rint(window_of((data, attributes))).astype(int)
        np.testing.assert_array_equal((row, column), start + np.array((7, 9)))
    top, left = np.rint(window_of(image_of(made))).astype(int)
    assert top > 0
    assert left > 0
    truth = moving().twin.all_in_focus[top : top + shape[0], left : left + shape[1]]
    error = np.abs(image_of(made)[0].astype(float) - truth)[10:-10, 10:-10].mean()
    shifted = np.abs(np.roll(image_of(made)[0].astype(float), 2, 0) - truth)[10:-10, 10:-10].mean()
    assert error < shifted / 2, "it is the truth, and the truth at this place"


def test_masked_borders_keep_the_whole_plane():
    stack = moving().stack
    made = finished(layer_of(stack, "zyx"), **ALIGNED, align_border="mask")
    data, attributes, _ = image_of(made)
    assert data.shape == stack.shape[1:]
    np.testing.assert_array_equal(attributes["translate"], (10, 20))
    result = fuse(stack, **ALIGNED, align_border="mask")
    np.testing.assert_array_equal(data, result.all_in_focus)


def test_transposed_axes():
    upright = finished(layer_of(moving().stack, "zyx"), **ALIGNED)
    lying = finished(layer_of(moving().stack.transpose(2, 1, 0), "xyz"), **ALIGNED)
    np.testing.assert_array_equal(image_of(lying)[0].T, image_of(upright)[0])
    np.testing.assert_array_equal(
        image_of(lying)[1]["translate"][::-1], image_of(upright)[1]["translate"]
    )


def test_region_and_planes():
    part = {"planes": (1, 4), "rows": (4, 120), "columns": (10, 145)}
    made = finished(layer_of(moving().stack, "zyx"), **ALIGNED, **part)
    result = fuse(moving().stack[1:5, 4:120, 10:145], **ALIGNED)
    rows, columns = result.window
    data, attributes, _ = image_of(made)
    np.testing.assert_array_equal(data, result.all_in_focus)
    np.testing.assert_allclose(
        window_of((data, attributes)), (4 + rows.start, 10 + columns.start), atol=1e-9
    )
    assert len(made.alignments[0].planes) == 4
    assert made.layers[1][0].max() <= 4, "planes count as the layer's do"


def test_a_single_plane_stays_as_it_is(tmp_path):
    table = str(Alignment.given(np.tile(np.eye(2, 3), (3, 1, 1)), SHAPE).save(tmp_path / "a.csv"))
    plane = moving().stack[:1]
    with pytest.warns(UserWarning, match="one plane"):
        made = finished(layer_of(plane, "zyx"), **ALIGNED, transforms=table)
    assert made.alignments == ()
    np.testing.assert_array_equal(image_of(made)[0], plane[0])


def test_nothing_is_told_where_it_was_not_asked_for():
    made = finished(layer_of(moving().stack, "zyx"), **QUICK)
    assert made.alignments == ()
    assert not {"alignment", "alignments"} & image_of(made)[1]["metadata"][RUN_KEY].keys()
    np.testing.assert_array_equal(image_of(made)[1]["translate"], (10, 20))


# --- several stacks


@pytest.fixture(scope="module")
def both():
    return finished(layer_of(movie(), "tzyx"), **ALIGNED)


def test_each_time_point_is_aligned_for_itself(both):
    assert len(both.alignments) == 2
    for alignment, drift in zip(both.alignments, DRIFTS, strict=True):
        assert off_by(alignment, moving(drift)) < TOLERANCE_PX
    assert both.notes == ("2 of 2 stacks were aligned",)


def test_all_time_points_show_the_window_that_they_share(both):
    windows = [fuse(stack, **ALIGNED).window for stack in movie()]
    rows, columns = (
        (max(one.start for one in parts), min(one.stop for one in parts))
        for parts in zip(*windows, strict=True)
    )
    assert windows[0] != windows[1]
    data, attributes, _ = image_of(both)
    assert data.shape == (2, rows[1] - rows[0], columns[1] - columns[0])
    np.testing.assert_allclose(window_of((data, attributes)), (rows[0], columns[0]), atol=1e-9)
    for time, alignment in enumerate(both.alignments):
        aligned = AlignedStack(layer_stack(time), alignment, (slice(*rows), slice(*columns)))
        np.testing.assert_array_equal(data[time], fuse(aligned, **QUICK).all_in_focus)


def layer_stack(time):
    from napari_umis_fusion.files.read import as_stack

    return as_stack(movie()[time])


def test_the_first_may_hold_for_all():
    made = finished(layer_of(movie(), "tzyx"), **ALIGNED, align_each=False)
    (alignment,) = made.alignments
    assert off_by(alignment, moving(DRIFTS[0])) < TOLERANCE_PX
    origin = made.origins[0]
    assert origin.alignment_at({0: 0}) is origin.alignment_at({0: 1}) is alignment
    metadata = image_of(made)[1]["metadata"][RUN_KEY]
    assert metadata["plan"]["align_each"] is False
    assert metadata["alignment"]["planes"][0]["z"] == 0


def test_provenance_keeps_every_table(both):
    for _, attributes, _ in both.layers:
        record = json.loads(json.dumps(attributes["metadata"][RUN_KEY]))
        assert "alignment" not in record
        tables = record["alignments"]
        assert [table["place"] for table in tables] == [{"t": 0}, {"t": 1}]
        for table, alignment in zip(tables, both.alignments, strict=True):
            np.testing.assert_array_equal(table["transforms"], alignment.transforms)
            assert len(table["planes"]) == PLANES
        assert tables[0]["window"] == tables[1]["window"]
        assert record["notes"] == list(both.notes)
        assert record["config"]["align"] == "translation"


def test_one_entry_of_a_movie_is_aligned_alone():
    made = finished(layer_of(movie(), "tzyx"), **ALIGNED, index={0: 1})
    (alignment,) = made.alignments
    assert off_by(alignment, moving(DRIFTS[1])) < TOLERANCE_PX
    assert made.origins[0].alignment_at({0: 0}) is alignment


def test_clicks_look_at_the_aligned_stack(both):
    origin = both.origins[0]
    top, left = np.rint(window_of(image_of(both))).astype(int)
    for time, alignment in enumerate(both.alignments):
        pixel = origin.pixel((time, 0, top + 5, left + 6))
        stack, row, column = origin.stack_at(pixel)
        assert (row, column) == (5, 6)
        assert stack.alignment is alignment
        assert stack.shape[1:] == image_of(both)[0].shape[1:]
        middle = stack.plane(PLANES // 2)[row, column]
        assert middle == movie()[time, PLANES // 2, top + 5, left + 6]
        assert origin.value_at(pixel) == origin.array[time, 5, 6]
    assert origin.pixel((0, 0, top - 1, left)) is None, "cropped away"


# --- channels


@cache
def channels():
    """Return (C, Z, Y, X): empty, the moving stack, and less of it."""
    stack = moving().stack
    return np.stack([np.zeros_like(stack), stack, stack // 2])


@pytest.mark.parametrize(("each", "options"), [(True, {}), (False, {"channel": 1})])
def test_channels_share_one_alignment(each, options):
    made = finished(layer_of(channels(), "czyx"), **ALIGNED, **options, each_channel=each)
    (alignment,) = made.alignments
    assert off_by(alignment, moving()) < TOLERANCE_PX, "also where the first is empty"
    image = image_of(made)[0]
    assert image.shape[0] == 3
    assert image.shape[1:] < SHAPE
    assert not image[0].any()
    assert "alignment" in image_of(made)[1]["metadata"][RUN_KEY]


@pytest.mark.parametrize("each", [False, True])
def test_layers_share_one_alignment(each):
    pair = [layer_of(one, "zyx", name=f"c{c}") for c, one in enumerate(channels())]
    made = finished(pair, **ALIGNED, each_channel=each)
    assert len(made.alignments) == 1
    images = [one for one in made.layers if one[1]["metadata"][RUN_KEY]["output"] == KIND]
    assert len(images) == 3
    assert len({data.shape for data, _, _ in images}) == 1
    assert len({tuple(attributes["translate"]) for _, attributes, _ in images}) == 1
    assert off_by(made.alignments[0], moving()) < TOLERANCE_PX


def test_the_channel_of_the_decision_tells():
    still = np.repeat(moving().stack[2:3], PLANES, axis=0)
    both = np.stack([moving().stack, still])
    moved, left_alone = (
        finished(layer_of(both, "czyx"), **ALIGNED, channel=channel).alignments[0]
        for channel in (0, 1)
    )
    assert off_by(moved, moving()) < TOLERANCE_PX
    assert not left_alone.is_needed


def test_more_channels_than_share_a_decision():
    many = np.repeat(moving().stack[None], 17, axis=0)
    made = finished(layer_of(many, "czyx"), **ALIGNED, each_channel=True, outputs=("all_in_focus",))
    (alignment,) = made.alignments
    assert off_by(alignment, moving()) < TOLERANCE_PX
    assert image_of(made)[0].shape[0] == 17


def test_channels_of_each_time_point():
    data = np.stack([movie(), movie() // 2], axis=1)
    made = finished(layer_of(data, "tczyx"), **ALIGNED, each_channel=True)
    assert len(made.alignments) == 2
    origin = made.origins[0]
    for time in (0, 1):
        found = {id(origin.alignment_at({0: time, 1: channel})) for channel in (0, 1)}
        assert found == {id(made.alignments[time])}


# --- transforms from a file


@pytest.fixture
def table(tmp_path):
    alignment = fuse(moving().stack, **ALIGNED).alignment
    return str(alignment.save(tmp_path / "drift.csv"))


@pytest.mark.parametrize("align", ["affine"])
def test_transforms_from_a_file_hold_instead(table, align):
    made = finished(layer_of(movie(), "tzyx"), **QUICK, align=align, transforms=table)
    (alignment,) = made.alignments
    np.testing.assert_array_equal(alignment.transforms, Alignment.load(table).transforms)
    expected = fuse(movie()[1], **QUICK, transforms=table)
    np.testing.assert_array_equal(image_of(made)[0][1], expected.all_in_focus)
    assert image_of(made)[1]["metadata"][RUN_KEY]["plan"]["transforms"] == table


def test_transforms_of_other_planes_are_refused(table):
    for data in (moving().stack[1:], moving().stack[:, 1:]):
        with pytest.raises(AlignmentError, match="transforms are for 5 planes of 120 x 150 px"):
            fuse_layer(layer_of(data, "zyx"), **QUICK, transforms=table)


def test_no_such_table():
    with pytest.raises(AlignmentError, match=r"no\.csv: no table of transforms"):
        fuse_layer(layer_of(moving().stack, "zyx"), **QUICK, transforms="no.csv")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"align_each": 1}, "align_each=1; accepted are True and False"),
        ({"transforms": 3}, "transforms=3; accepted is a path as text, or None"),
    ],
)
def test_plan_is_checked(options, text):
    with pytest.raises(ConfigError, match=text):
        LayerPlan(**options)


def test_stacks_that_share_too_little_are_told(monkeypatch):
    shifts = iter((60.0, -60.0))  # each stack by itself keeps half of its rows

    def found(stack, config, workers):
        yield Progress("aligning", 0, PLANES)
        transforms = np.tile(np.eye(2, 3), (PLANES, 1, 1))
        transforms[0, 0, 2] = next(shifts)
        return Alignment.given(transforms, SHAPE)

    monkeypatch.setattr(aligning, "iter_align", found)
    with pytest.raises(AlignmentError, match=r"planes of 2 stacks .* align_border=\"mask\""):
        fuse_layer(layer_of(movie(), "tzyx"), **ALIGNED)


# --- on the way


@pytest.mark.parametrize("options", [{}, {"each_channel": True}, {"align_each": False}])
def test_progress(options):
    data = np.stack([movie(), movie()], axis=1)
    started, *progress, end = iter_fuse_layer(layer_of(data, "tczyx"), **ALIGNED, **options)
    assert isinstance(started, LayerStarted)
    assert isinstance(end, LayerFinished)
    assert all(isinstance(event, LayerProgress) for event in progress)
    shares = [event.share for event in progress]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    aligning = [event for event in progress if event.stage == "aligning"]
    assert progress[: len(aligning)] == aligning, "before any is fused"
    count = 1 if options.get("align_each") is False else 2
    assert {event.stacks for event in aligning} == {count}
    assert {event.total for event in aligning} == {PLANES}
    told = {(event.stack, event.done) for event in aligning}
    assert told >= {(stack, done) for stack in range(count) for done in (0, PLANES)}
    assert 0.1 < aligning[-1].share < 0.9
    assert progress[len(aligning)].share == pytest.approx(aligning[-1].share)


def test_abandoning_leaves_no_threads():
    stages = set()
    for count in (1, 3, 6, 14):
        steps = iter_fuse_layer(layer_of(movie(), "tzyx"), **ALIGNED)
        events = [event for event, _ in zip(steps, range(count), strict=False)]
        stages.add(getattr(events[-1], "stage", None))
        steps.close()
        assert not [one for one in threading.enumerate() if one.name.startswith("umis-fusion")]
    assert "aligning" in stages


def test_outputs_that_cannot_be_are_refused_before_the_work():
    steps = iter_fuse_layer(
        (moving().stack, {"axis_labels": tuple("zyx")}), **ALIGNED, outputs=("depth_map",)
    )
    assert isinstance(next(steps), LayerStarted)
    with pytest.raises(ConfigError, match="gives no layer"):
        next(steps)


def test_script_does_the_same():
    config = FusionConfig(**ALIGNED, align_border="mask")
    plan = LayerPlan(align_each=False, transforms="/data/drift.csv")
    image = layer_image(layer_of(moving().stack, "zyx", name="beads"))
    script = script_for([image], config, plan)
    for line in (
        "align='translation'",
        "align_border='mask'",
        "align_each=False",
        "transforms='/data/drift.csv'",
    ):
        assert f"    {line},\n" in script
    plain = script_for([image], FusionConfig(), LayerPlan())
    assert "align" not in plain


# --- light


def test_each_stack_has_light_of_its_own():
    dim = np.array([1, 1, 0.7, 1, 0.8])[:, None, None]
    stacks = np.stack([moving(DRIFTS[0]).stack, moving(DRIFTS[1]).stack])
    stacks[1] = (stacks[1] * dim).astype(stacks.dtype)
    made = finished(layer_of(stacks, "tzyx"), **ALIGNED)
    light = [one.light.illumination for one in made.alignments]
    assert light[0] is None
    scales = np.array([one.gain for one in made.alignments[1].healths])
    assert np.allclose(light[1].gains * scales, [1, 1, 0.7, 1, 0.8], atol=0.02)
    assert light[1].reference != 2, "the light of most planes, not that of the middle one"
    assert any(note.startswith("t=1: planes are lit unevenly") for note in made.notes)
    assert not any(note.startswith("t=0") for note in made.notes)
    once = finished(layer_of(stacks[::-1], "tzyx"), **ALIGNED, align_each=False)
    assert all(one.light.is_plain for one in once.alignments)


def test_light_of_a_stack_whose_table_is_given(tmp_path):
    dim = np.array([1, 1, 0.7, 1, 0.8])[:, None, None]
    stack = (moving(DRIFTS[0]).stack * dim).astype(np.uint8)
    first = finished(layer_of(stack, "zyx"), **ALIGNED)
    table = str(first.alignments[0].save(tmp_path / "t.csv"))
    options = {"focus_measure": "laplacian", "transforms": table}
    for light, is_plain in (("auto", True), ("output", False)):
        made = finished(layer_of(stack, "zyx"), **options, light=light)
        assert made.alignments[0].light.is_plain is is_plain
