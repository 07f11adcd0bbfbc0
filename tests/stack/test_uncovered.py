"""Where planes show nothing is the same in a rectangle of them as in whole planes."""

import numpy as np
import pytest

from napari_umis_fusion.alignment import AlignedStack, Alignment
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion.planes._kept_planes import KeptPlanes
from napari_umis_fusion.preprocess.health import (
    Gaps,
    MovingParts,
    PlaneHealth,
    SoundStack,
    Specks,
)
from napari_umis_fusion.stack import CroppedStack, mask_stack, stack_of_arrays

SHAPE = (5, 70, 60)


@pytest.mark.parametrize("empty", [300.0, -1.0, 0.5])
def test_a_value_that_no_pixel_can_have_is_refused(empty):
    with pytest.raises(ConfigError, match=r"planes are uint8; accepted are .* from 0 to 255"):
        mask_stack(recorded(), empty)


def recorded():
    data = np.random.default_rng(0).integers(20, 200, SHAPE).astype(np.uint8)
    data[1, :30] = 0
    data[2, 40:50, 10:30] = 200
    return stack_of_arrays(data)


def masked():
    return mask_stack(recorded(), empty=0.0)


def aligned(stack):
    transforms = np.tile(np.eye(2, 3), (SHAPE[0], 1, 1))
    transforms[0, :, 2] = 14.5, -20
    transforms[1] = [[1.02, 0.03, -2], [-0.03, 0.98, 3]]
    rows, columns = slice(2, 66), slice(3, 58)
    alignment = Alignment.given(transforms, SHAPE[1:], reference=2)
    return AlignedStack(stack, alignment, (rows, columns))


def sound(stack):
    healths = [
        PlaneHealth(0),
        PlaneHealth(1, gaps=((0, 0.0),)),
        PlaneHealth(2, tops=(200.0,), strips=((1, 5, 9),)),
        PlaneHealth(3, is_left_out=True),
        PlaneHealth(4),
    ]
    places = np.array([5, 7, 900, 2000])
    specks = {4: Specks(places, np.zeros(4, np.uint8))}
    moving = MovingParts(np.random.default_rng(3).random((SHAPE[0], 14, 12)) < 0.1, 5)
    return SoundStack(stack, healths, specks, moving, Gaps(), scales=True)


STACKS = {
    "masked": masked,
    "aligned": lambda: aligned(recorded()),
    "masked, aligned": lambda: aligned(masked()),
    "kept": lambda: KeptPlanes(masked()),
    "sound": lambda: sound(masked()),
    "part": lambda: CroppedStack(sound(masked()), slice(3, 64), slice(9, 51)),
}


@pytest.mark.parametrize("kind", STACKS)
def test_a_rectangle_is_that_of_the_whole_plane(kind):
    stack, rng, seen = STACKS[kind](), np.random.default_rng(7), 0
    for z in range(len(stack)):
        whole = stack.uncovered(z)
        whole = np.zeros(stack.shape[1:], bool) if whole is None else whole
        assert whole.shape == stack.shape[1:]
        for _ in range(6):
            sides = [np.sort(rng.choice(side, 2, replace=False)) for side in whole.shape]
            window = tuple(slice(int(first), int(last)) for first, last in sides)
            part = stack.uncovered(z, *window)
            part = np.zeros(whole[window].shape, bool) if part is None else part
            np.testing.assert_array_equal(part, whole[window])
            seen += part.any()
    assert seen
