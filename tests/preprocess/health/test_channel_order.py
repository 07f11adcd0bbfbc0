"""Planes whose channels stand in another order, as blue, green, red."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

PLANES = 7


@pytest.fixture(scope="module", params=["bumps", "discs"])
def stack(request):
    return make_stack(request.param, (128, 160), planes=PLANES, noisy=True, seed=5).stack


def healths_of(stack):
    return judge_planes(measure_plane(z, plane) for z, plane in enumerate(stack))


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("planes", [[0], [1], [3], [6], [3, 4, 5, 6], [2, 4]])
def test_channels_are_put_in_order(stack, order, planes):
    spoilt = stack.copy()
    spoilt[planes] = stack[planes][..., order]
    found = healths_of(spoilt)
    assert [one.z for one in found if "channels" in one.findings] == planes
    assert not any(one.is_left_out for one in found)
    for z in planes:
        np.testing.assert_array_equal(found[z].in_order(spoilt[z]), stack[z])
    assert "channels in another order" in notes_on(found)[0]


def test_an_opacity_stays_the_last(stack):
    with_opacity = np.concatenate([stack, np.full_like(stack[..., :1], 255)], axis=-1)
    with_opacity[3] = with_opacity[3][..., [2, 1, 0, 3]]
    assert healths_of(with_opacity)[3].channels == (2, 1, 0, 3)


@pytest.mark.parametrize("channels", [None, 2, 3])
def test_channels_that_are_in_order_stay(stack, channels):
    planes = stack.mean(-1).astype(np.uint8) if channels is None else stack[..., :channels]
    assert not any(one.channels for one in healths_of(planes))
