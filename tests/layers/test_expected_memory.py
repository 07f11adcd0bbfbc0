"""The memory that is told before a fusion is that of the fusion."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, LayerPlan, iter_fuse
from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.fusion import MemoryPlan, _memory
from napari_umis_fusion.layers import expected_memory


class Untouched:
    """Values that nobody may read."""

    dtype, ndim = np.dtype(np.uint8), 3

    def __init__(self, shape):
        self.shape = shape


def image_of(shape, axes=("z", "y", "x")):
    return [layer_image((Untouched(shape), {"axis_labels": axes}))]


@pytest.mark.parametrize("measure", ["laplacian", "learned"])
def test_it_is_the_plan_of_the_fusion(measure):
    stack = np.zeros((3, 60, 80), np.uint8)
    # Told first: once a fusion has loaded the network, another one needs less.
    told = expected_memory(image_of(stack.shape), FusionConfig(measure), LayerPlan())
    events = iter_fuse(stack, FusionConfig(measure))
    plan = next(event for event in events if isinstance(event, MemoryPlan))
    events.close()
    assert told.needed_mb == pytest.approx(plan.needed_mb)


def test_a_region_needs_less_and_a_movie_no_more():
    config = FusionConfig()
    whole = expected_memory(image_of((9, 3000, 3000)), config, LayerPlan()).needed_mb
    part = LayerPlan(rows=(0, 1000), columns=(0, 1000))
    assert expected_memory(image_of((9, 3000, 3000)), config, part).needed_mb < whole
    movie = image_of((5, 9, 3000, 3000), ("t", "z", "y", "x"))
    assert expected_memory(movie, config, LayerPlan()).needed_mb == pytest.approx(whole)


def test_what_does_not_fit_is_refused_with_a_remedy(monkeypatch):
    monkeypatch.setattr(_memory, "free_memory_mb", lambda: 60.0)
    with pytest.raises(DeviceError, match="60 MB are free; fuse a part of the stack"):
        expected_memory(image_of((9, 9000, 9000)), FusionConfig(), LayerPlan())
