"""The initial network as a teacher: what it knows and the images do not show is kept."""

import copy

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.network import OnnxStackRanker, PlaneRanker, Scores


class Teacher:
    """A network with its initial weights, whose scores another one is kept to.

    Parameters
    ----------
    model : PlaneRanker
        Copied; neither trained nor changed.
    onnx : bool
        ONNX Runtime computes the scores, on the thread that asks for them.
    """

    def __init__(self, model: PlaneRanker, *, onnx: bool = False) -> None:
        self.onnx = OnnxStackRanker(model, "scores") if onnx else None
        self._model = copy.deepcopy(model).eval().requires_grad_(False)
        # Whether this is typed depends on the version of torch.
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, unused-ignore]

    @torch.no_grad()
    def scores(self, planes: Tensor, *, backwards: bool) -> Scores:
        """Score stacks (N, Z, Y, X), seen from the other end if `backwards`.

        A network of one order has two opinions of a stack. Asked for one and the other in turn,
        both count alike, at half the cost.
        """
        if not backwards:
            return self._scored(planes)
        reverse = self._scored(planes.flip(1))
        return Scores(reverse.select.flip(1), reverse.weigh.flip(1))

    def _scored(self, planes: Tensor) -> Scores:
        if self.onnx is not None:
            return self.onnx.score(planes)
        scores: Scores = self._model.to(planes.device)(planes)
        return scores


def divergence(wanted: Scores, found: Scores) -> Tensor:
    """Return the Kullback-Leibler divergence of the planes' shares, in nats, over both scores."""
    return _divergence(wanted.select, found.select) + _divergence(wanted.weigh, found.weigh)


def _divergence(wanted: Tensor, found: Tensor) -> Tensor:
    """Return the mean over all pixels of the divergence of scores (N, Z, Y, X)."""
    target, shares = wanted.log_softmax(1), found.log_softmax(1)
    return F.kl_div(shares, target, log_target=True, reduction="none").sum(1).mean()
