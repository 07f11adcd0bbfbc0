"""Planes that move little by little are told, where nobody aligns them."""

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from napari_umis_fusion import fuse
from napari_umis_fusion.synthetic import make_stack

PLANES = 7


def moved(stack, zoom, drift_px):
    middle = (np.array(stack.shape[1:]) - 1) / 2
    planes = []
    for z, plane in enumerate(stack):
        away = z - PLANES // 2
        scale = 1 + zoom * away
        offset = middle - middle / scale - drift_px * away
        shown = affine_transform(plane.astype(float), (1 / scale,) * 2, offset, mode="reflect")
        planes.append(np.clip(np.rint(shown), 0, 255).astype(stack.dtype))
    return np.stack(planes)


@pytest.fixture(scope="module")
def stack():
    return make_stack("bumps", (192, 224), planes=PLANES, channels=None, noisy=True, seed=3).stack


@pytest.mark.parametrize(
    ("zoom", "drift_px", "options", "is_told"),
    [
        (0, 0, {}, False),
        (0.004, 0, {}, True),
        (0, 0.5, {"memory_mb": 20}, True),
        (0.004, 0, {"align": "auto"}, False),
    ],
)
def test_slow_motion(stack, zoom, drift_px, options, is_told):
    planes = moved(stack, zoom, drift_px) if zoom or drift_px else stack
    notes = fuse(planes, focus_measure="laplacian", **options).notes
    assert any("little by little" in note for note in notes) == is_told
