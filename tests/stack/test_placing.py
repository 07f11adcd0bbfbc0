"""What a stack tells of where its planes lie and how they are lit, whatever kind it is."""

from dataclasses import replace

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.alignment import Alignment, align_with, iter_align
from napari_umis_fusion.errors import AlignmentError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.fusion._focus_curve import focus_curve
from napari_umis_fusion.fusion.result._provenance import describe_run
from napari_umis_fusion.preprocess import GreyConverter, GreyRange
from napari_umis_fusion.preprocess.illumination import Defects
from napari_umis_fusion.runtime import Workers, run_to_end
from napari_umis_fusion.stack import CroppedStack
from napari_umis_fusion.synthetic import Motion, RenderConfig, render_moving_stack

SHAPE = (200, 220)
HOT = [(60, 70), (90, 100), (120, 33), (150, 180)]
CONFIG = FusionConfig("laplacian", verification="none", blend="select", align="auto")


@pytest.fixture(scope="module")
def placed():
    """A flickering, drifting stack of a sensor with hot pixels, put in place."""
    config = RenderConfig(planes=7, base_blur_px=0.8)
    motion = Motion(drift_px=(4, 0), flicker=0.1, seed=1)
    stack = render_moving_stack("bumps", SHAPE, motion, config, channels=None).stack
    hot = np.zeros(SHAPE, np.bool_)
    hot[tuple(np.transpose(HOT))] = True
    stack[:, hot] = 255
    with Workers() as workers:
        alignment = run_to_end(iter_align(as_stack(stack), CONFIG, workers))
    assert alignment.light.illumination is not None
    assert alignment.moved
    known = replace(alignment.light, defects=Defects(hot, np.zeros_like(hot)))
    alignment = replace(alignment, light=known)
    return align_with(as_stack(stack), alignment, CONFIG)


def test_stacks_lie_as_recorded_unless_told_otherwise():
    stack = as_stack(np.zeros((3, 8, 9), np.uint8))
    for one in (stack, CroppedStack(stack, slice(1, 5), slice(2, 9))):
        assert (one.alignment, one.window) == (None, None)
        assert one.lighting(GreyRange(0.0, 1.0)) is None
        assert one.notes(FusionConfig(align="auto")) == []
        assert one.describe_alignment() == {}


def test_rectangle_of_a_stack_in_place_is_in_place(placed):
    rows, columns = slice(10, 150), slice(20, 201)
    crop = CroppedStack(placed, rows, columns)
    down, along = placed.window
    assert crop.alignment is placed.alignment
    assert crop.window == (
        slice(down.start + 10, down.start + 150),
        slice(along.start + 20, along.start + 201),
    )
    assert crop.notes(CONFIG) == placed.notes(CONFIG) != []
    told = describe_run(crop, CONFIG)
    assert told["alignment"]["window"]["columns"] == [along.start + 20, along.start + 201]
    assert told["illumination"] == placed.alignment.light.illumination.describe()
    result = fuse(crop, CONFIG)
    assert (result.alignment, result.window) == (placed.alignment, crop.window)
    with pytest.raises(AlignmentError, match="aligned already"):
        fuse(crop, CONFIG, transforms=placed.alignment)


def test_some_planes_of_a_stack_in_place_keep_their_light(placed):
    planes = range(5, 0, -2)
    crop = CroppedStack(placed, slice(None), slice(None), planes)
    assert crop.alignment is None, "an alignment is of all planes"
    to_grey = GreyConverter(placed, "auto")
    for z, recorded in enumerate(planes):
        part, whole = to_grey(crop.plane(z)), to_grey(placed.plane(recorded))
        crop.lighting(to_grey.range).correct(part, z)
        placed.lighting(to_grey.range).correct(whole, recorded)
        np.testing.assert_array_equal(part, whole)


def test_light_of_a_rectangle_is_that_of_the_whole(placed):
    to_grey = GreyConverter(placed, "auto")
    rows, columns = slice(30, 100), slice(40, 120)
    nested = CroppedStack(CroppedStack(placed, slice(10, None), slice(20, None)), rows, columns)
    for z in range(len(placed)):
        grey = to_grey(placed.plane(z))
        before = grey.copy()
        placed.lighting(to_grey.range).correct(grey, z)
        part = to_grey(nested.plane(z))
        nested.lighting(to_grey.range).correct(part, z)
        inside = grey[10:, 20:][rows, columns]
        np.testing.assert_allclose(part, inside, atol=1e-3)
        assert np.abs(part - before[10:, 20:][rows, columns]).max() > 20, "a hot pixel is filled"


def test_focus_curve_sees_defects_filled_as_fusion_does(placed):
    """Around hot pixels too, the curve peaks at the plane that a fusion takes."""
    index_map = fuse(placed, CONFIG).index_map
    down, along = placed.window
    offsets = [(dy, dx) for dy in (-3, 0, 2) for dx in (-2, 0, 3)]
    places = [(y - down.start + dy, x - along.start + dx) for y, x in HOT for dy, dx in offsets]
    sharpest = [focus_curve(placed, *place, CONFIG).sharpest for place in places]
    np.testing.assert_array_equal(sharpest, [index_map[place] for place in places])


@pytest.mark.parametrize("align", ["none", "auto"])
def test_notes_of_an_alignment(align):
    still = Alignment.given(np.tile(np.eye(2, 3), (3, 1, 1)), (8, 9))
    stack = align_with(as_stack(np.zeros((3, 8, 9), np.uint8)), still, FusionConfig())
    expected = [still.summary()] if align == "auto" else []
    assert stack.notes(FusionConfig(align=align)) == expected
