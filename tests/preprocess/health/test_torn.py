"""Whether a part of a plane was not written, with and without the look that saves time."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health import _torn
from napari_umis_fusion.preprocess.health._statistics import measure_plane


def plane(rng, z, *, kind):
    """Return the statistics of noise on a slope, in part of one value."""
    values = np.linspace(20, 200, 96)[:, None] + rng.normal(0, 4, (96, 96))
    height, width = rng.integers(4, 96, 2)
    if kind == "corner":
        values[:height, -width:] = 0
    elif kind == "rows":
        values[height:] = 255
    elif kind == "inside":
        values[20 : 20 + height // 2, 30 : 30 + width // 2] = 0
    elif kind == "scattered":
        for top, left in rng.integers(0, 12, (40, 2)) * 8:
            values[top : top + 8, left : left + 8] = 0
    return measure_plane(z, np.clip(values, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", ["whole", "corner", "rows", "inside", "scattered"])
def test_a_look_before_changes_nothing(kind, seed, monkeypatch):
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["whole", "whole", kind], 4)
    around = [plane(rng, z, kind=one) for z, one in zip((0, 1, 3, 4), kinds, strict=True)]
    here = plane(rng, 2, kind=kind)
    for sides in ([around[:2], around[2:]], [around[2:]]):
        gaps, tiles = _torn.find_gaps(here, sides)
        with monkeypatch.context() as patch:
            patch.setattr(_torn, "_may_show_more", lambda *_: True)
            wanted_gaps, wanted_tiles = _torn.find_gaps(here, sides)
        assert gaps == wanted_gaps
        np.testing.assert_array_equal(tiles, wanted_tiles)
