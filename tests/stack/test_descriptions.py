"""What a stack says of its planes, any stack that is made of it says as well."""

import numpy as np
import pytest

from napari_umis_fusion.alignment import AlignedStack, Alignment
from napari_umis_fusion.fusion.planes._kept_planes import KeptPlanes
from napari_umis_fusion.preprocess.health import Gaps, PlaneHealth, SoundStack, StandInStack
from napari_umis_fusion.stack import Calibration, CroppedStack, Stack, mask_stack

SHAPE = (3, 8, 9, 4)

TOLD = {
    "calibration": Calibration(2.0, 0.5, 0.5),
    "sources": ("/data/a.tif",),
    "source_notes": ("the z step was assumed",),
    "channel_names": ("DAPI", "GFP", "Cy5", "DIC"),
    "channel_colours": ((0, 0, 255), None, (255, 0, 0), None),
    "optics": ("widefield",) * 4,
    "rgb": True,
    "has_opacity": True,
    "is_mosaic": True,
}


class Told(Stack):
    def __init__(self):
        self.shape, self.dtype = SHAPE, np.dtype(np.uint8)
        vars(self).update(TOLD)

    def plane(self, z):
        return np.full(SHAPE[1:], 255, np.uint8)


def aligned(stack):
    return AlignedStack(stack, Alignment.given([np.eye(2, 3)] * SHAPE[0], SHAPE[1:3]))


def sound(stack):
    return SoundStack(stack, [PlaneHealth(z) for z in range(3)], {}, None, Gaps(), scales=False)


MADE = {
    "kept": KeptPlanes,
    "masked": lambda stack: mask_stack(stack, 0),
    "cropped": lambda stack: CroppedStack(stack, slice(1, 5), slice(0, 4)),
    "aligned": aligned,
    "sound": sound,
    "stand-ins": lambda stack: StandInStack(stack, [PlaneHealth(0)]),
}


@pytest.mark.parametrize("kind", MADE)
def test_nothing_is_lost(kind):
    made = MADE[kind](Told())
    assert {name: getattr(made, name) for name in TOLD} == TOLD
    assert made.dtype == np.uint8


@pytest.mark.parametrize("kind", ["kept", "masked"])
def test_planes_that_are_still_taken_stay_so(kind):
    """Whatever is looked for in all planes would otherwise wait for the last of them."""
    stack = Told()
    stack.is_arriving = True
    assert MADE[kind](stack).is_arriving
