"""A stack that is watched while a network is trained: fused before training, and now."""

import tempfile
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion import iter_fuse
from napari_umis_fusion.network import save_checkpoint
from napari_umis_fusion.runtime import repeat_event
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._events import Pictured

if TYPE_CHECKING:
    from torch import Tensor

Image = NDArray[Any]


def fusion_with(weights: Path, config: TrainingConfig) -> FusionConfig:
    """Return how stacks are fused with weights that are trained as `config` says."""
    options: dict[str, Any] = {"device": config.device, "threads": config.threads}
    if config.objective == "select":
        return FusionConfig(focus_measure="learned", checkpoint=str(weights), **options)
    return FusionConfig.reference(weights, **options)


class StackMonitor:
    """Fuses what is watched with the weights that training started from, and with those of now.

    Parameters
    ----------
    watch : callable
        Returns the stack to look at, as `fuse` takes it, or None; asked anew each time.
    start : Path
        Weights that training started from.
    config : TrainingConfig
        Of the training.
    """

    def __init__(self, watch: Callable[[], Any], start: Path, config: TrainingConfig) -> None:
        self._watch, self._start, self._config = watch, start, config
        self._seen: Any = None
        self._before: Image | None = None

    @property
    def has_changed(self) -> bool:
        """Whether another stack is watched since the last picture."""
        return self._watch() is not self._seen

    def iter_fuse_monitored(
        self, weights: Mapping[str, "Tensor"], step: int
    ) -> Generator[None, None, Pictured | str | None]:
        """Fuse what is watched, yielding while it works.

        Returns
        -------
        Pictured, str or None
            The reason if the stack cannot be fused; None if nothing is watched.
        """
        stack = self._watch()
        if stack is not self._seen:
            self._seen, self._before = stack, None
        if stack is None:
            return None
        try:
            if self._before is None:
                self._before = yield from self._fused(stack, self._start)
            with tempfile.TemporaryDirectory(prefix="umis-fusion-") as folder:
                now = save_checkpoint(Path(folder) / "now.safetensors", weights)
                fused = yield from self._fused(stack, now)
        except Exception as error:  # a picture is no reason to end a training
            return f"no picture of the region: {error}"
        return Pictured(step, self._before, fused, stack)

    def _fused(self, stack: Any, weights: Path) -> Generator[None, None, Image]:
        events = iter_fuse(stack, fusion_with(weights, self._config))
        result = yield from repeat_event(events, None)
        return np.array(result.all_in_focus)
