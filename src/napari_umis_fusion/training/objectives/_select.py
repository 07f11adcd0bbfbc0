"""Learn to select planes: the fusion of a rendered stack shall equal its sharp image."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.network import (
    LATE_LAYERS,
    OnnxStackRanker,
    PlaneRanker,
    Scores,
    runs_without_torch,
)
from napari_umis_fusion.synthetic import Irradiance, StackSampler, TrainingStack
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training.data import ImageSet
from napari_umis_fusion.training.objectives._light_pool import LightPool
from napari_umis_fusion.training.objectives._objective import ValidationExample
from napari_umis_fusion.training.objectives._render import (
    training_distribution,
    validation_distribution,
)
from napari_umis_fusion.training.objectives._stack_batch import (
    StackBatch,
    collate,
    network_input,
)
from napari_umis_fusion.training.objectives._teacher import Teacher, divergence

VALIDATION_EXAMPLES = 48

KEPT_MB = 100
"""Memory for rendered stacks of validation, each of which holds its planes three times."""

BEST_ERROR = 4e-6
"""Added to squared errors: below it (54 dB) a smaller error gains little."""

HIDDEN_EDGE = 0.25 / 255
"""A gradient that exceeds those of all planes by less than this is no false edge."""

HARD_SHARE = 1 / 6
"""Weight of the false edges of the selection, which verification removes, against the mean."""

SPREAD_WEIGHT = 5e-4
"""Penalty for widely spread scores: softmax would saturate, and its gradient vanish."""

MIN_SPAN = 0.1
"""Errors are relative to the span of the truth, but at least to this span."""

_TRAIN, _TRY, _PLAN, _RECORD, _GAIN = range(5)

Floats = NDArray[np.float32]


class SelectObjective:
    """Trains a `PlaneRanker` on stacks rendered from sharp images.

    Parameters
    ----------
    config : TrainingConfig
        Seed, sizes and weights of the loss.
    images, held_out : ImageSet
        Training set and validation set.
    model : PlaneRanker, optional
        Network with initial weights. One that knows one order of the planes learns both.
    """

    score = "psnr"
    validation_examples = VALIDATION_EXAMPLES

    def __init__(
        self,
        config: TrainingConfig,
        images: ImageSet,
        held_out: ImageSet,
        model: nn.Module | None = None,
    ) -> None:
        if model is not None and not isinstance(model, PlaneRanker):
            raise ConfigError(
                f"got initial weights of a {type(model).__name__}; objective='select' trains the "
                "network of focus_measure='learned'. Give its weights, or none."
            )
        if model is None:
            _check_initial(config)
        self._ranker = model or PlaneRanker()
        self.model: nn.Module = self._ranker
        onnx = runs_without_torch(config.device)
        self._initial = Teacher(self._ranker, onnx=onnx) if config.keep_weight else None
        self._early = None
        # Layers that know one order of the planes have to learn the other one.
        if config.layers == "late" and self._ranker.both_orders:
            for name, weight in self._ranker.named_parameters():
                weight.requires_grad_(name.startswith(LATE_LAYERS))
            self._early = OnnxStackRanker(self._ranker, "compared") if onnx else None
        self.steps_per_epoch = max(1, len(images) // 4)
        self._config = config
        learn, like = (
            training_distribution(config),
            validation_distribution(config, config.patch_px),
        )
        self._learn = StackSampler(images.images, learn, images.sources)
        self._pool = LightPool(self._render, config.scene_uses)
        self._held_out = StackSampler(held_out.images, like, held_out.sources)
        self._kept: dict[int, tuple[TrainingStack, NDArray[np.float64]]] = {}

    def batch(self, step: int) -> StackBatch:
        """Render the stacks of a step."""
        seed = self._config.seed
        lights = self._pool.of_step(step)
        stacks = [
            self._learn.record(light, [_RECORD, seed, step, k]) for k, light in enumerate(lights)
        ]
        rng = np.random.default_rng([_GAIN, seed, step])
        batch = collate(stacks, rng.uniform(-0.2, 1.2, len(stacks)))
        return self._with_fixed(replace(batch, backwards=step % 2 == 1))

    def _render(self, number: int) -> list[Irradiance]:
        seed = self._config.seed
        # one number of planes per batch: tensors need equal shapes
        planes = self._learn.draw_planes(np.random.default_rng([_PLAN, seed, number]))
        count = max(1, self._config.batch // planes)
        return [self._learn.draw_light([_TRAIN, seed, number, k], planes) for k in range(count)]

    def losses(self, batch: StackBatch, device: torch.device) -> dict[str, Tensor]:
        """Return the losses of selection and mean, and their false edges."""
        # Not before: the initial weights are validated as they are.
        self._ranker.both_orders.fill_(1)
        here = batch.to(device)
        scores = self._scored(here)
        terms = self._terms(here, scores)
        if self._initial is not None:
            kept = here.initial or self._initial.scores(
                network_input(here), backwards=here.backwards
            )
            terms["kept"] = self._config.keep_weight * divergence(kept, scores)
        return terms

    def _with_fixed(self, batch: StackBatch) -> StackBatch:
        """Add what fixed weights make of a batch, if ONNX Runtime computes it."""
        if self._initial is not None and self._initial.onnx is not None:
            scores = self._initial.scores(network_input(batch), backwards=batch.backwards)
            batch = replace(batch, initial=scores)
        return self._with_early(batch)

    def _with_early(self, batch: StackBatch) -> StackBatch:
        if self._early is None:
            return batch
        return replace(batch, compared=self._early.compare(network_input(batch)))

    def _scored(self, here: StackBatch) -> Scores:
        if here.compared is not None:
            return self._ranker.decide(here.compared, here.planes.shape)
        scores: Scores = self.model(network_input(here))
        return scores

    def _terms(self, here: StackBatch, scores: Scores) -> dict[str, Tensor]:
        config = self._config
        shares, weights = scores.select.softmax(1), scores.weigh.softmax(1)
        span = (here.truth.amax((1, 2)) - here.truth.amin((1, 2))).clamp_min(MIN_SPAN)
        # the maximum over 3 x 3 px: a shift of an edge by a pixel is no false edge
        steepest = F.max_pool2d(gradient(here.planes).amax(1, keepdim=True), 3, 1, 1)
        select = (shares * (here.clean - here.truth[:, None]) ** 2).sum(1)
        weigh = ((weights * here.steady).sum(1) - here.truth) ** 2
        false_edges = [
            _false_edge(share, here.planes, steepest) / span for share in (weights, shares)
        ]
        return {
            "select": config.select_weight * _log_error(select, span),
            "weigh": config.weigh_weight * _log_error(weigh, span),
            "false_edges": config.false_edge_weight
            * (false_edges[0] + HARD_SHARE * false_edges[1]).mean(),
            "spread": SPREAD_WEIGHT * (_spread(scores.select) + _spread(scores.weigh)),
        }

    @torch.inference_mode()
    def validate_example(self, index: int, device: torch.device) -> ValidationExample:
        """Fuse a stack that is rendered from validation images, and compare it with the truth."""
        stack, log_gain = self._validation_stack(index)
        batch = self._with_early(collate([stack], log_gain)).to(device)
        scores = self._scored(batch)
        terms = {name: float(term) for name, term in self._terms(batch, scores).items()}
        chosen = scores.select[0].argmax(0, keepdim=True)
        selected = batch.steady[0].gather(0, chosen)[0].cpu().numpy()
        mean = (scores.weigh[0].softmax(0) * batch.steady[0]).sum(0).cpu().numpy()
        select, weigh = _psnr(selected, stack.all_in_focus), _psnr(mean, stack.all_in_focus)
        metrics = {"psnr": (select + weigh) / 2, "psnr_select": select, "psnr_weighted": weigh}
        metrics |= {"loss": sum(terms.values()), **terms}
        samples = {"truth": stack.all_in_focus, "select": selected, "weighted": mean}
        samples["middle plane"] = stack.planes[len(stack.planes) // 2]
        return ValidationExample(metrics, {name: np.clip(p, 0, 1) for name, p in samples.items()})

    def _validation_stack(self, index: int) -> tuple[TrainingStack, NDArray[np.float64]]:
        """Return the stack of a validation example, and the gain of its input."""
        if index in self._kept:
            return self._kept[index]
        rng = np.random.default_rng([_TRY, 0, index])
        planes = self._held_out.draw_planes(rng)
        stack = self._held_out.draw([_TRY, index], planes)
        example = stack, rng.uniform(-0.2, 1.2, 1)
        # Rendering is most of a validation; those that fit are kept for the next.
        if sum(kept.planes.nbytes for kept, _ in self._kept.values()) < KEPT_MB * 1e6 / 3:
            self._kept[index] = example
        return example


def _check_initial(config: TrainingConfig) -> None:
    """Refuse options that need initial weights."""
    if config.keep_weight:
        raise ConfigError(
            f"keep_weight is {config.keep_weight:g} without initial weights, whose scores it "
            "keeps; give some, or set it to 0."
        )
    if config.layers == "late":
        raise ConfigError(
            "layers is 'late' without initial weights, of which it keeps the other layers; give "
            "some, or set it to 'all'."
        )


def gradient(planes: Tensor) -> Tensor:
    """Return the magnitude of the gradient (Sobel / 8) of the last two axes, same shape."""
    wide = F.pad(planes, (1, 1, 1, 1), mode="replicate")
    across = wide[..., 2:] - wide[..., :-2]
    down = wide[..., 2:, :] - wide[..., :-2, :]
    gx = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    gy = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return (gx**2 + gy**2 + 1e-10).sqrt() / 8


def _log_error(squared: Tensor, span: Tensor) -> Tensor:
    """Return the mean logarithm of the errors: easy and hard stacks count alike, as in dB."""
    return (squared.mean((1, 2)) / span**2 + BEST_ERROR).log().mean()


def _spread(scores: Tensor) -> Tensor:
    """Return the variance of the planes' scores, averaged over all pixels."""
    return (scores - scores.mean(1, keepdim=True)).square().mean()


def _false_edge(weights: Tensor, planes: Tensor, steepest: Tensor) -> Tensor:
    """Return how far gradients of the weighted mean exceed those of all planes; (N,)."""
    fused = (weights * planes).sum(1, keepdim=True)
    return F.relu(gradient(fused) - steepest - HIDDEN_EDGE).mean((1, 2, 3))


def _psnr(image: Floats, truth: Floats) -> float:
    span = max(float(np.ptp(truth)), MIN_SPAN)
    error = float(np.mean((image - truth) ** 2)) / span**2
    return min(50.0, -10 * float(np.log10(max(error, 1e-9))))
