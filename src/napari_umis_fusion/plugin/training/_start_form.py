"""What a training starts from, and how long it may take: a preset, weights, a name."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, LineEdit
from qtpy.QtWidgets import QFileDialog

from napari_umis_fusion.fields import described
from napari_umis_fusion.models.library import ModelLibrary
from napari_umis_fusion.network.architectures import shipped_weights
from napari_umis_fusion.plugin.models import library_changed
from napari_umis_fusion.plugin.training._options_form import EXPLAINED, FINE_TUNE, OWN, PRESETS
from napari_umis_fusion.plugin.widgets._rows import Rows
from napari_umis_fusion.training.config import NETWORKS, Objective, TrainingConfig

SHIPPED, NOTHING, FILE = "weights of this package", "nothing", "from a file …"


class StartForm(Rows):
    """Rows for preset, weights to start from and name of the outcome.

    `changed` tells of edits; `preset_changed` is told through the row `preset`.
    """

    def __init__(self) -> None:
        self._objective: Objective = "select"
        self._files: list[Path] = []
        self._chosen: Any = SHIPPED
        self._names: dict[Path, str] = {}
        self.preset = ComboBox(
            name="preset",
            label="preset",
            choices=[*PRESETS, OWN],
            value=FINE_TUNE,
            tooltip="Sets everything; the rows under Options can then be changed one by one.\n"
            + "\n".join(f"{name}: {text}" for name, text in EXPLAINED.items()),
        )
        self._start = ComboBox(
            name="start",
            label="start from",
            choices=[SHIPPED],
            tooltip="Weights that training starts from. They are never changed; the outcome is "
            "compared with them.",
        )
        (spec,) = [one for one in fields(TrainingConfig) if one.name == "specimen"]
        self.specimen = ComboBox(
            name="specimen",
            label="specimen",
            choices=spec.metadata["choices"],
            tooltip=f"What your samples are: {described(spec)}. The nearer the rendered stacks are "
            "to yours, the more there is to gain.",
        )
        self.name_row = LineEdit(
            name="outcome",
            label="name",
            value="",
            tooltip="What the outcome is called in the library; by default after the data.",
        )
        super().__init__([self.preset, self._start, self.specimen, self.name_row])
        self._start.changed.connect(self._on_start)
        library_changed.connect(self._offer)
        self._offer()

    @property
    def start(self) -> Path | None:
        """File of the weights to start from; None: from nothing."""
        chosen = self._start.value
        if chosen == NOTHING:
            return None
        return shipped_weights(NETWORKS[self._objective]) if chosen == SHIPPED else chosen

    @property
    def parent(self) -> str:
        """Name of these weights; empty if from nothing."""
        start = self.start
        return "" if start is None else self._names.get(start, start.stem)

    def script_start(self) -> str | None:
        """Return how a script names them: "" for those of the package, None for none."""
        chosen = self._start.value
        return "" if chosen == SHIPPED else None if chosen == NOTHING else str(chosen)

    def start_from(self, path: Path | None) -> None:
        """Choose weights, from nothing if None."""
        if path == shipped_weights(NETWORKS[self._objective]):
            self._offer(choose=SHIPPED)
            return
        if path is not None and path not in self._start.choices:
            self._files.append(path)
        self._offer(choose=NOTHING if path is None else path)

    def fit(self, objective: Objective) -> None:
        """Offer the weights of the network that an objective trains."""
        self.show_row(self.specimen, objective == "select")
        if objective != self._objective:
            self._objective = objective
            self._offer()

    def let_go(self) -> None:
        """Listen to the library no more."""
        library_changed.disconnect(self._offer)

    def ask_for_file(self) -> Path | None:
        """Ask the user for a file of weights."""
        path, _ = QFileDialog.getOpenFileName(
            self.form, "Weights to start from", "", "Weights (*.safetensors *.pth *.pt)"
        )
        return Path(path) if path else None

    def _offer(self, choose: Any = None) -> None:
        wanted = self._start.value if choose is None else choose
        architecture = NETWORKS[self._objective]
        models = [one for one in ModelLibrary().models() if one.architecture == architecture]
        self._names = {one.path: one.name for one in models}
        files = [path for path in self._files if path not in self._names]
        choices = [SHIPPED, NOTHING, *self._names, *files, FILE]
        with self._start.changed.blocked():
            self._start.choices = [(self._named(choice), choice) for choice in choices]
            self._start.value = wanted if wanted in choices else SHIPPED
        self._chosen = self._start.value
        if self._chosen != wanted or choose is not None:
            self.changed.emit(self)

    def _named(self, choice: Any) -> str:
        return self._names.get(choice, choice.name) if isinstance(choice, Path) else str(choice)

    def _on_start(self) -> None:
        if self._start.value != FILE:
            self._chosen = self._start.value
            return
        path = self.ask_for_file()
        if path is None:
            self._offer(choose=self._chosen)
        else:
            self.start_from(path)
