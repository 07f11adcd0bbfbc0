"""Options of a training: preset, initial weights, everything else, and the memory they need."""

import statistics
import time
from collections.abc import Generator
from dataclasses import fields
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.network import shipped_weights
from napari_umis_fusion.plugin._warm_up import torch_is_loaded
from napari_umis_fusion.plugin.training._basics_form import BasicsForm
from napari_umis_fusion.plugin.training._choice_names import CHOICE_NAMES
from napari_umis_fusion.plugin.training._presets import FINE_TUNE, OWN, PRESETS, preset_of
from napari_umis_fusion.plugin.widgets import ConfigForm, LatestJob, Message, section
from napari_umis_fusion.runtime import sentence_of
from napari_umis_fusion.stack import Stack
from napari_umis_fusion.training import NETWORKS, TrainingConfig
from napari_umis_fusion.training.data import NamedData, TrainingData
from napari_umis_fusion.training.loop import MemoryNeed, estimate_memory

_OPTIONS = [spec.name for spec in fields(TrainingConfig) if spec.name != "specimen"]
"""The specimen has its row above, beside preset and initial weights."""

_KEPT = ("seed", "device", "threads", "planes")
"""Options that no preset sets."""


class TrainingSetup(QWidget):
    """The rows of a training config, kept consistent with each other.

    Signals
    -------
    valueChanged()
        The config or the initial weights have changed.

    Attributes
    ----------
    basics : BasicsForm
        Preset, initial weights, specimen and name.
    options : ConfigForm
        All other options.
    section : QCollapsible
        The collapsible section of the options.
    message : Message
        The memory that training needs, or why the options are invalid.
    memory : MemoryNeed or None
        That memory; None while it is unknown.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self) -> None:
        super().__init__()
        self.basics, self.message = BasicsForm(), Message()
        self.options = ConfigForm(
            PRESETS[FINE_TUNE], _OPTIONS, hides_unused=True, choice_names=CHOICE_NAMES
        )
        self.section = section("Options", self.options)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.basics, self.section, self.message):
            layout.addWidget(part)
        self.memory: MemoryNeed | None = None
        self._planes = self._images_px = 0
        # In a thread: it asks torch for devices, and torch loads slowly.
        self._estimate = LatestJob()
        self._estimate.done.connect(self._on_estimated)
        self._estimate.failed.connect(self._on_refused)
        self.basics.preset.changed.connect(self._on_preset)
        self.basics.valueChanged.connect(self._on_basics)
        self.options.valueChanged.connect(self._on_option)
        self._on_option()

    def value(self) -> TrainingConfig:
        """Return how to train.

        Raises
        ------
        ConfigError
            If a row holds no valid value.
        """
        config: TrainingConfig = self.options.value()
        return config.replace(specimen=self.basics.value().specimen)

    def setValue(self, config: TrainingConfig) -> None:  # noqa: N802
        """Show how to train."""
        self.basics["specimen"].value = config.specimen
        self.options.setValue(config)

    def freeze(self, is_running: bool) -> None:
        """Disable all rows while a training runs."""
        for part in (self.basics, self.options):
            part.setEnabled(not is_running)
        self.message.setVisible(not is_running)

    def adapt_to(self, data: TrainingData) -> None:
        """Set the number of planes of rendered stacks to that of the stacks in the data."""
        counts = [len(stack) for stack in map(_bare, data.stacks) if isinstance(stack, Stack)]
        row = self.options["planes"]
        if row.value == self._planes:  # a number that the user typed stays
            self._planes = min(round(statistics.median(counts)) if counts else 0, row.max)
            row.value = self._planes

    def count_images(self, megapixels: float) -> None:
        """Include the memory of the images, once they are known."""
        self._images_px = round(1e6 * megapixels)
        self._describe()

    @property
    def is_busy(self) -> bool:
        """Whether memory is being estimated."""
        return self._estimate.is_busy

    def release(self) -> None:
        """Cancel the estimate and disconnect from the library."""
        self._estimate.cancel()
        self.basics.release()

    def _on_preset(self, name: str) -> None:
        # nothing to do: the options are those of the preset already, or stay as they are
        if name in (OWN, self._preset()):
            return
        kept = {key: self.options[key].value for key in _KEPT}
        self.options.setValue(PRESETS[name].replace(**kept))
        if name != FINE_TUNE:
            self.basics.select_weights(None)
        elif self.basics.value().weights is None:
            self.basics.select_weights(shipped_weights(NETWORKS[PRESETS[name].objective]))

    def _preset(self) -> str:
        try:
            return preset_of(self.options.value())
        except ConfigError:
            return OWN

    def _on_option(self) -> None:
        # showing the matching preset must not apply it
        with self.basics.preset.changed.blocked():
            self.basics.preset.value = self._preset()
        self._on_basics()

    def _on_basics(self) -> None:
        self._describe()
        self.valueChanged.emit()

    def _describe(self) -> None:
        self.memory = None
        try:
            config = self.value()
        except UmisFusionError as error:
            self._estimate.cancel()
            self.message.setText(sentence_of(error))
            return
        self.basics.adapt_to(config.objective)
        self.message.setText(_length(config))
        pixels = self._images_px
        self._estimate.submit(lambda: _iter_estimate(config, pixels))

    def _on_estimated(self, estimated: tuple[TrainingConfig, MemoryNeed]) -> None:
        config, self.memory = estimated
        self.message.setText(f"{_length(config)} {_cost(self.memory)}")

    def _on_refused(self, error: Exception) -> None:
        self.message.setText(sentence_of(error))


def _bare(stack: Any) -> Any:
    return stack.data if isinstance(stack, NamedData) else stack


def _iter_estimate(
    config: TrainingConfig, images_px: int
) -> Generator[None, None, tuple[TrainingConfig, MemoryNeed]]:
    while not torch_is_loaded():  # asking for devices would import torch, and stop the window
        time.sleep(0.02)
        yield
    return config, estimate_memory(config, images_px)


def _length(config: TrainingConfig) -> str:
    if config.epochs:
        length = f"{config.epochs} epochs"
    elif config.minutes:
        length = f"Up to {config.steps:,} steps, as many as {config.minutes:g} minutes allow"
    else:
        length = f"{config.steps:,} steps"
    return f"{length}. The time left is shown after the first steps."


def _cost(need: MemoryNeed) -> str:
    free = "" if need.free_mb is None else f" of {need.free_mb:,} MB free"
    short = "" if need.is_enough else " <b>Not enough memory: lower batch or sizes.</b>"
    return f"About {need.needed_mb:,} MB{free} on {need.device}.{short}"
