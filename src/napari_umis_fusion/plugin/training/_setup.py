"""How to train: preset, start, options, and what they will cost."""

import statistics
import time
from collections.abc import Generator
from typing import Any

from qtpy.QtWidgets import QLabel

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.network.architectures import shipped_weights
from napari_umis_fusion.plugin._warm_up import has_loaded
from napari_umis_fusion.plugin.training._options_form import FINE_TUNE, OWN, PRESETS, TrainingForm
from napari_umis_fusion.plugin.training._start_form import StartForm
from napari_umis_fusion.plugin.widgets._latest_job import LatestJob
from napari_umis_fusion.stack import Stack
from napari_umis_fusion.training.config import NETWORKS, TrainingConfig
from napari_umis_fusion.training.data import Named, TrainingData
from napari_umis_fusion.training.estimating import MemoryNeed, estimate_memory


class TrainingSetup:
    """The rows of a training's config, kept in step with each other.

    Attributes
    ----------
    start : StartForm
        Preset, weights to start from, specimen and name.
    form : TrainingForm
        All other options.
    says : QLabel
        What memory it needs, or what is wrong with the options.
    memory : MemoryNeed or None
        The same; None while it cannot be told.
    """

    def __init__(self) -> None:
        self.start, self.form, self.says = StartForm(), TrainingForm(), QLabel()
        self.says.setWordWrap(True)
        self.memory: MemoryNeed | None = None
        self._planes = self._images_px = 0
        self._estimate = LatestJob()  # asks for devices: torch takes its time to load
        self._estimate.done.connect(self._on_estimated)
        self._estimate.failed.connect(self._on_refused)
        self.start.preset.changed.connect(self._on_preset)
        self.start.changed.connect(self._describe)
        self.form.changed.connect(self._on_option)
        self._on_option()

    @property
    def config(self) -> TrainingConfig:
        """How to train; raises `ConfigError` for what the rows do not accept."""
        return self.form.config.replace(specimen=self.start.specimen.value)

    @config.setter
    def config(self, config: TrainingConfig) -> None:
        self.start.specimen.value = config.specimen
        self.form.config = config

    def fit(self, data: TrainingData) -> None:
        """Render stacks of as many planes as those that are learnt from."""
        counts = [len(stack) for stack in map(_bare, data.stacks) if isinstance(stack, Stack)]
        row = self.form["planes"]
        if row.value == self._planes:  # the user's own number stays
            self._planes = min(round(statistics.median(counts)) if counts else 0, row.max)
            row.value = self._planes

    def count_images(self, megapixels: float) -> None:
        """Take into account what images take up, once they are known."""
        self._images_px = round(1e6 * megapixels)
        self._describe()

    @property
    def is_busy(self) -> bool:
        """Whether memory is being estimated."""
        return self._estimate.is_busy

    def let_go(self) -> None:
        """Listen to the library no more."""
        self._estimate.cancel()
        self.start.let_go()

    def _on_preset(self, name: str) -> None:
        if name == OWN:
            return
        now = self.form.preset()
        if now == name:
            return
        kept = {key: self.form[key].value for key in ("seed", "device", "threads", "planes")}
        self.form.config = PRESETS[name].replace(**kept)
        if name != FINE_TUNE:
            self.start.start_from(None)
        elif self.start.start is None:
            self.start.start_from(shipped_weights(NETWORKS[self.form.config.objective]))

    def _on_option(self, event: Any = None) -> None:
        self.form.refresh()
        with self.start.preset.changed.blocked():
            self.start.preset.value = self.form.preset()
        self._describe()

    def _describe(self, event: Any = None) -> None:
        self.memory = None
        try:
            config = self.config
        except UmisFusionError as error:
            self._estimate.cancel()
            self.says.setText(str(error))
            return
        self.start.fit(config.objective)
        self.says.setText(_length(config))
        pixels = self._images_px
        self._estimate.ask(lambda: _estimating(config, pixels))

    def _on_estimated(self, estimated: tuple[TrainingConfig, MemoryNeed]) -> None:
        config, self.memory = estimated
        self.says.setText(f"{_length(config)} {_cost(self.memory)}")

    def _on_refused(self, error: Exception) -> None:
        self.says.setText(str(error))


def _bare(stack: Any) -> Any:
    return stack.data if isinstance(stack, Named) else stack


def _estimating(
    config: TrainingConfig, images_px: int
) -> Generator[None, None, tuple[TrainingConfig, MemoryNeed]]:
    while not has_loaded():
        time.sleep(0.02)
        yield
    return config, estimate_memory(config, images_px)


def _length(config: TrainingConfig) -> str:
    length = f"{config.epochs} epochs" if config.epochs else f"{config.steps:,} steps"
    return f"{length}; how long they take shows after the first ones."


def _cost(need: MemoryNeed) -> str:
    free = "" if need.free_mb is None else f" of {need.free_mb:,} MB that are free"
    short = "" if need.is_enough else " <b>That is not enough: lower batch or sizes.</b>"
    return f"About {need.needed_mb:,} MB{free} on {need.device}.{short}"
