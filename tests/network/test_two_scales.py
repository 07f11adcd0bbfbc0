"""Planes ranked at two resolutions."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.network import REACH_PLANES, RankingStream, TwoScaleStream
from napari_umis_fusion.network._halving import COARSE_SHARE

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(busy_ranker):
    return busy_ranker


def scores_of(kind, model, planes, strip_rows=10_000):
    stream = kind(model, CPU, planes.shape[1:], strip_rows, half=False)
    told = [stream.push(plane) for plane in planes]
    scores = [score for score in (*told, *stream.end()) if score is not None]
    return [torch.stack([getattr(s, name) for s in scores]) for name in ("select", "weigh")]


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (1, 1), (1, 30)], ids=str)
@pytest.mark.parametrize("planes", [1, 4, 9])
def test_scores_of_both_resolutions_add_up(model, planes, size):
    stack = np.random.default_rng(0).random((planes, *size), np.float32)
    even = np.pad(stack, ((0, 0), *((0, side % 2) for side in size)), mode="edge")
    halved = F.avg_pool2d(torch.from_numpy(even), 2).numpy()
    fine, weigh = scores_of(RankingStream, model, stack)
    coarse, _ = scores_of(RankingStream, model, halved)
    enlarged = F.interpolate(coarse[None], scale_factor=2, mode="bilinear")[0]
    expected = fine + COARSE_SHARE * enlarged[:, : size[0], : size[1]]
    select, mean = scores_of(TwoScaleStream, model, stack)
    torch.testing.assert_close(select, expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(mean, weigh, rtol=0, atol=0)


@pytest.mark.parametrize("strip_rows", [1, 64, 101])
def test_strips_change_nothing(model, strip_rows):
    stack = np.random.default_rng(1).random((3, 270, 16), np.float32)
    for strips, whole in zip(
        scores_of(TwoScaleStream, model, stack, strip_rows),
        scores_of(TwoScaleStream, model, stack),
        strict=True,
    ):
        torch.testing.assert_close(strips, whole, rtol=0, atol=1e-4)


def test_scores_come_as_many_planes_later_as_the_network_sees(model):
    stream = TwoScaleStream(model, CPU, (16, 20), 64, half=False)
    known = [stream.push(np.zeros((16, 20), np.float32)) is not None for _ in range(6)]
    assert known == [z >= REACH_PLANES for z in range(6)]
    assert len(list(stream.end())) == REACH_PLANES
