"""Update and validate the weights: what the loop runs in its threads."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.network import computes_bfloat16
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._loss_curve import LossCurve
from napari_umis_fusion.training._options import Precision
from napari_umis_fusion.training.loop._optimizer_imports import import_for_optimizers
from napari_umis_fusion.training.loop._state import Best, TrainingState
from napari_umis_fusion.training.objectives import Objective, ValidationExample


class NotFiniteError(UmisFusionError):
    """A loss or a gradient is infinite or not a number."""


class Trainer:
    """A network, its optimiser and the best weights so far.

    Parameters
    ----------
    objective : Objective
        Network, batches and loss.
    config : TrainingConfig
        Options of the training.
    device : torch.device
        Device of the computation.
    threads : int
        Number of CPU threads of torch.
    """

    def __init__(
        self, objective: Objective, config: TrainingConfig, device: torch.device, threads: int
    ) -> None:
        self.objective = objective
        self.config = config
        self.device = device
        self.precision = choose_precision(config.precision, device)
        self.best: Best | None = None
        self.start_metrics: Mapping[str, float] | None = None
        self.without_gain = self.validated = 0
        self._threads = threads
        self.model = objective.model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        import_for_optimizers()
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(),
            config.learning_rate,
            weight_decay=config.weight_decay,
            # One pass over all weights instead of a dozen small operations for each of them.
            fused=device.type in ("cpu", "cuda"),
        )

    def update(self, batch: Any, learning_rate: float) -> dict[str, float]:
        """Make one step; return the loss and its terms.

        Raises
        ------
        NotFiniteError
            If the loss or its gradient is not finite; the weights are unchanged.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        # the forward pass updates the buffers of batch normalisation even if the step is rejected
        kept = self._buffers()
        losses, gradient = self._backpropagate(batch)
        if not (math.isfinite(losses["total"]) and math.isfinite(gradient)):
            self._restore_buffers(kept)
            raise NotFiniteError(f"the loss became {losses['total']}, its gradient {gradient}")
        # Without the limit, threads that wait for each other would slow down the renderer.
        with torch_threads(self._threads):
            self._optimizer.step()
        return losses

    def rehearse(self, batch: Any) -> None:
        """Compute what a step computes, and change nothing."""
        kept = self._buffers()
        self._backpropagate(batch)
        self._restore_buffers(kept)

    def _buffers(self) -> list[torch.Tensor]:
        return [buffer.clone() for buffer in self.model.buffers()]

    def _restore_buffers(self, kept: list[torch.Tensor]) -> None:
        for buffer, before in zip(self.model.buffers(), kept, strict=True):
            buffer.copy_(before)

    def _backpropagate(self, batch: Any) -> tuple[dict[str, float], float]:
        """Compute the losses and the gradient; return the losses and the norm of the gradient."""
        self.model.train()
        with self._computing():
            terms = self.objective.losses(batch, self.device)
        total = torch.stack(list(terms.values())).sum()
        self._optimizer.zero_grad(set_to_none=True)
        with torch_threads(self._threads):
            total.backward()  # type: ignore[no-untyped-call]
            length = nn.utils.clip_grad_norm_(
                self.model.parameters(), self.config.gradient_clip or math.inf
            )
        losses = {name: float(term.detach()) for name, term in terms.items()}
        return {"total": float(total.detach()), **losses}, float(length)

    def validate_example(self, index: int) -> ValidationExample:
        """Evaluate the network on a validation example."""
        self.model.eval()
        with self._computing():
            return self.objective.validate_example(index, self.device)

    def average(self, examples: list[ValidationExample]) -> dict[str, float]:
        """Return the means of the metrics of all validation examples."""
        return {
            name: float(np.mean([example.metrics[name] for example in examples]))
            for name in examples[0].metrics
        }

    def is_best(self, score: float) -> bool:
        """Return whether a score is better than that of the best weights so far."""
        return math.isfinite(score) and (self.best is None or score > self.best.score)

    def record_validation(self, step: int, metrics: Mapping[str, float]) -> None:
        """Count a validation, and keep the weights if they are the best so far."""
        score = metrics[self.objective.score]
        best, without_gain = self.best, self.without_gain + 1
        if self.is_best(score):
            best, without_gain = Best(self.weights(), step, score, metrics), 0
        # stored at once at the end: Ctrl-C in between would count the validation twice
        self.best, self.without_gain, self.validated = best, without_gain, step

    def weights(self) -> dict[str, torch.Tensor]:
        """Return a copy of the current weights, on the CPU."""
        return _copied(self.model.state_dict())

    def state(
        self, step: int, total: int, data: Mapping[str, Any], curve: LossCurve
    ) -> TrainingState:
        """Return the state to resume from, `step` of `total` steps."""
        return TrainingState(
            self.config,
            data,
            step,
            self.model.state_dict(),
            self._optimizer.state_dict(),
            self.best,
            self.without_gain,
            self.start_metrics,
            self.validated,
            curve,
            total,
        )

    def restore(self, state: TrainingState) -> None:
        """Continue from a saved state.

        Raises
        ------
        ValueError
            If it is that of another network; nothing is changed.
        """
        own = self.model.state_dict()
        best = own if state.best is None else state.best.weights
        if not (_fits(state.weights, own) and _fits(best, own)):
            raise ValueError("its weights are those of another network")
        self._optimizer.load_state_dict(_moments(state.optimizer, self._optimizer))
        self.model.load_state_dict(dict(state.weights))
        self.best, self.without_gain = state.best, state.without_gain
        self.start_metrics = state.start_metrics
        self.validated = state.step if state.validated is None else state.validated

    def best_model(self) -> nn.Module:
        """Return the network with the best weights, on the CPU."""
        model: nn.Module = self.model.to("cpu")
        if self.best is not None:
            model.load_state_dict(dict(self.best.weights))
        return model.eval()

    @contextmanager
    def _computing(self) -> Iterator[None]:
        # autocast keeps the weights in float32 and computes selected layers in bfloat16
        half = self.precision == "bfloat16"
        with (
            torch_threads(self._threads),
            torch.autocast(self.device.type, torch.bfloat16, enabled=half),
        ):
            yield


def _fits(weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> bool:
    """Return whether weights have the names, shapes and dtypes of a network's, and are finite."""
    return weights.keys() == own.keys() and all(_is_like(weights[k], own[k]) for k in own)


def _is_like(value: Any, wanted: torch.Tensor) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.shape == wanted.shape
        and value.dtype == wanted.dtype
        and value.layout == torch.strided
        and bool(value.isfinite().all())
    )


def _moments(saved: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the saved moments of an optimiser; its options are those of the config.

    Raises
    ------
    ValueError
        If they are those of another optimiser.
    """
    blank, moments = optimizer.state_dict(), saved.get("state")
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if not isinstance(moments, dict) or not moments.keys() <= set(range(len(weights))):
        raise ValueError("its optimiser is another one")
    for number, held in moments.items():
        wanted = {"step": torch.tensor(0.0)}
        wanted |= dict.fromkeys(("exp_avg", "exp_avg_sq"), weights[number].detach())
        if not isinstance(held, dict) or not _fits(held, wanted):
            raise ValueError(f"the optimiser's entry {number} is damaged")
    return {**blank, "state": moments}


def choose_precision(wanted: Precision, device: torch.device) -> Precision:
    """Return the number format; 'auto' is 'bfloat16' if the device computes it natively."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if computes_bfloat16(device) else "float32"


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Set the number of CPU threads of torch within the context."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _copied(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in weights.items()}
