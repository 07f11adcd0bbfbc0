"""The memory that is told before a fusion is that of the fusion."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, LayerPlan, iter_fuse
from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.fusion import MemoryPlan, _fuse, passes_of
from napari_umis_fusion.fusion.blocks import _memory
from napari_umis_fusion.layers import expected_memory, fuse_layer
from napari_umis_fusion.runtime import ScratchMemory
from napari_umis_fusion.stack import stack_of_arrays


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


def test_a_region_needs_less_and_a_movie_what_its_results_take():
    config = FusionConfig()
    whole = expected_memory(image_of((9, 3000, 3000)), config, LayerPlan()).needed_mb
    part = LayerPlan(rows=(0, 1000), columns=(0, 1000))
    assert expected_memory(image_of((9, 3000, 3000)), config, part).needed_mb < whole
    movie = image_of((5, 9, 3000, 3000), ("t", "z", "y", "x"))
    told = expected_memory(movie, config, LayerPlan()).needed_mb
    # Image, index map and confidence map of the four stacks before the last.
    assert told == pytest.approx(whole + 4 * 7 * 3000**2 / 2**20)
    files = FusionConfig(memory_mb=200)
    layers = LayerPlan(outputs=("all_in_focus",))
    long = image_of((100, 9, 3000, 3000), ("t", "z", "y", "x"))
    told, alone = (
        expected_memory(one, files, layers).needed_mb for one in (long, image_of((9, 3000, 3000)))
    )
    assert told == pytest.approx(alone)  # the layer is kept in a file


def test_a_layer_is_divided_as_its_stack_is():
    """Its results are copied when the memory of the blocks is free again."""
    config = FusionConfig("laplacian", memory_mb=2000)
    told = expected_memory(image_of((7, 6000, 6000)), config, LayerPlan())
    stack = stack_of_arrays(Untouched((7, 6000, 6000)))
    with ScratchMemory(config.memory_mb) as memory:
        plan = _memory.plan_memory(stack, config, passes_of(config, 7), memory)
    assert len(plan.blocks) > 1
    assert told.blocks == plan.blocks


def test_a_stack_of_a_layer_has_the_memory_of_its_layers(monkeypatch):
    """They are made once it is fused, if it is the only one."""
    left = []
    plan_memory = _fuse.plan_memory

    def told(stack, config, passes, memory):
        left.append(memory.left_mb)
        return plan_memory(stack, config, passes, memory)

    monkeypatch.setattr(_fuse, "plan_memory", told)
    options = {"focus_measure": "laplacian", "memory_mb": 1, "verification": "none"}
    for stack in np.zeros((1, 3, 60, 80), np.uint8), np.zeros((2, 3, 60, 80), np.uint8):
        fuse_layer((stack, {"axis_labels": ("t", "z", "y", "x")}), **options)
    assert left[0] == 1
    assert left[1] == left[2] == pytest.approx(1 - 2 * 7 * 60 * 80 / 2**20)


def test_what_does_not_fit_is_refused_with_a_remedy(monkeypatch):
    monkeypatch.setattr(_memory, "free_memory_mb", lambda: 60.0)
    with pytest.raises(DeviceError, match="60 MB are free; fuse a part of the stack"):
        expected_memory(image_of((9, 9000, 9000)), FusionConfig(), LayerPlan())
