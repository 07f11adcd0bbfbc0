"""A part of a layer, fused as in the fusion of the whole."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, LayerPlan, fuse_layer
from napari_umis_fusion.errors import AlignmentError
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.layers import LayerFinished, iter_fuse_layer, iter_preview
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.synthetic import Motion, RenderConfig, render_moving_stack

CONFIG = FusionConfig(focus_measure="laplacian", align="translation", light="none")
NAMED = {"name": "beads", "axis_labels": ("z", "y", "x")}
PLAN = LayerPlan(outputs=("all_in_focus",))


@pytest.fixture(scope="module")
def moving():
    motion, config = Motion(drift_px=(9.0, -6.0), seed=2), RenderConfig(planes=5)
    return render_moving_stack("bumps", (120, 150), motion, config, None).stack


def whole(stack, config=CONFIG, plan=PLAN):
    events = list(iter_fuse_layer((stack, NAMED), config, plan))
    (finished,) = [one for one in events if isinstance(one, LayerFinished)]
    return finished.layers[0], finished.alignments


def preview(stack, rows, columns, alignment=None, config=CONFIG, plan=PLAN):
    images = [layer_image((stack, NAMED))]
    return run_to_end(iter_preview(images, config, plan, rows, columns, alignment))


def part_of(layer, rows, columns):
    """Return the pixels of a fused layer at rows and columns of the stack."""
    data, attributes, _ = layer
    top, left = (round(float(place)) for place in attributes["translate"][-2:])
    return data[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]


@pytest.mark.parametrize("region", [{}, {"rows": (10, 110), "columns": (8, 140)}])
def test_the_preview_is_a_part_of_the_aligned_result(moving, region):
    plan = PLAN.replace(**region)
    fused, (alignment,) = whole(moving, plan=plan)
    assert alignment.is_needed
    rows, columns = (30, 90), (40, 120)
    ((data, attributes, _),) = preview(moving, rows, columns, alignment, plan=plan)
    np.testing.assert_array_equal(attributes["translate"], (30, 40))
    expected = part_of(fused, rows, columns).astype(float)
    # The borders of a part see less around them.
    inner = (slice(20, -20),) * 2
    assert np.abs(data[inner] - expected[inner]).mean() < 1


def test_the_preview_ends_where_the_result_does(moving):
    (data, attributes, _), (alignment,) = whole(moving)
    ((shown, placed, _),) = preview(moving, (0, 120), (0, 150), alignment)
    np.testing.assert_array_equal(shown, data)
    np.testing.assert_array_equal(placed["translate"], attributes["translate"])
    assert preview(moving, (119, 120), (0, 150), alignment) == []


def test_masked_borders_are_shown_up_to_the_border(moving):
    config = CONFIG.replace(align_border="mask")
    (data, _, _), (alignment,) = whole(moving, config)
    ((shown, _, _),) = preview(moving, (0, 120), (0, 150), alignment, config)
    np.testing.assert_array_equal(shown, data)


def test_without_an_alignment_planes_are_as_recorded(moving):
    ((data, _, _),) = preview(moving, (30, 90), (40, 120))
    plan = PLAN.replace(rows=(30, 90), columns=(40, 120))
    ((expected, _, _),) = fuse_layer((moving, NAMED), CONFIG.replace(align="none"), plan)
    np.testing.assert_array_equal(data, expected)


def test_transforms_of_another_stack_are_refused(moving):
    _, (alignment,) = whole(moving)
    with pytest.raises(AlignmentError, match="use transforms of this stack"):
        preview(moving[:4], (0, 50), (0, 50), alignment)
