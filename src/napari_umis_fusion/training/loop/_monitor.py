"""Monitor a stack during training: fuse it with initial and current weights."""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fusion import iter_fuse
from napari_umis_fusion.network import save_checkpoint
from napari_umis_fusion.runtime import repeat_event, temporary_folder
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._events import Pictured

if TYPE_CHECKING:
    from torch import Tensor

Image = NDArray[Any]


def fusion_with(weights: Path, config: TrainingConfig) -> FusionConfig:
    """Return the fusion config for weights that are trained with `config`."""
    options: dict[str, Any] = {"device": config.device, "threads": config.threads}
    if config.objective == "select":
        return FusionConfig(focus_measure="learned", checkpoint=str(weights), **options)
    return FusionConfig.reference(weights, **options)


class StackMonitor:
    """Fuses the monitored stack with the initial and with the current weights.

    Parameters
    ----------
    watch : callable
        Returns the stack, as `fuse` accepts it, or None; called each time.
    initial_weights : Path
        File of the initial weights.
    config : TrainingConfig
        Options of the training.
    """

    def __init__(
        self, watch: Callable[[], Any], initial_weights: Path, config: TrainingConfig
    ) -> None:
        self._watch, self._initial_weights, self._config = watch, initial_weights, config
        self._stack: Any = None
        self._initial: Image | None = None

    @property
    def has_changed(self) -> bool:
        """Whether the stack is another than at the last fusion."""
        return self._watch() is not self._stack

    def iter_fuse_monitored(
        self, weights: Mapping[str, "Tensor"], step: int
    ) -> Generator[None, None, Pictured | str | None]:
        """Fuse the monitored stack, yielding regularly.

        Returns
        -------
        Pictured, str or None
            The reason if the stack cannot be fused; None without a stack.
        """
        stack = self._watch()
        if stack is not self._stack:
            self._stack, self._initial = stack, None
        if stack is None:
            return None
        try:
            if self._initial is None:  # it does not change: fuse it once
                self._initial = yield from self._iter_fuse(stack, self._initial_weights)
            with temporary_folder() as folder:
                file = save_checkpoint(Path(folder) / "current.safetensors", weights)
                current = yield from self._iter_fuse(stack, file)
        except Exception as error:  # monitoring must not end a training
            return f"the monitored region cannot be fused: {error}"
        return Pictured(step, self._initial, current, stack)

    def _iter_fuse(self, stack: Any, weights: Path) -> Generator[None, None, Image]:
        events = iter_fuse(stack, fusion_with(weights, self._config))
        result = yield from repeat_event(events, None)
        return np.array(result.all_in_focus)
