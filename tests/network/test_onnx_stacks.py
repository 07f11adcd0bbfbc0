"""Whole stacks without torch: what its layers compute of them."""

import copy

import numpy as np
import pytest
import torch

from napari_umis_fusion.network import OnnxStackRanker


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (3, 2, 32, 48), (1, 7, 48, 16)], ids=str)
@pytest.mark.parametrize("both_orders", [True, False])
def test_stacks_are_compared_and_scored_as_by_torch(busy_ranker, shape, both_orders):
    ranker = copy.deepcopy(busy_ranker)
    ranker.both_orders.fill_(both_orders)
    planes = torch.from_numpy(np.random.default_rng(0).random(shape, np.float32))
    with torch.no_grad():
        wanted, scores = ranker.compare(planes), ranker(planes)
    found = OnnxStackRanker(ranker, "compared").compare(planes)
    for one, other in zip(
        (*found.levels, found.skip, found.prior),
        (*wanted.levels, wanted.skip, wanted.prior),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    scored = OnnxStackRanker(ranker, "scores").score(planes)
    torch.testing.assert_close(scored.select, scores.select, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(scored.weigh, scores.weigh, atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(ranker.decide(wanted, shape).weigh, scores.weigh)


def test_weights_are_those_of_when_it_was_made(busy_ranker):
    planes = torch.from_numpy(np.random.default_rng(1).random((1, 3, 16, 16), np.float32))
    model = copy.deepcopy(busy_ranker)
    ranker = OnnxStackRanker(model, "scores")
    before = ranker.score(planes).select
    with torch.no_grad():
        model.head.weight.mul_(2)
    torch.testing.assert_close(ranker.score(planes).select, before)
