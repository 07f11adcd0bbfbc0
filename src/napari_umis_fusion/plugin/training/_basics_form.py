"""The basic options of a training: preset, initial weights, specimen and name."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, LineEdit
from qtpy.compat import isalive
from qtpy.QtWidgets import QFileDialog

from napari_umis_fusion.models.library import ModelLibrary
from napari_umis_fusion.network import shipped_weights
from napari_umis_fusion.plugin.models import library_changed
from napari_umis_fusion.plugin.training._choice_names import CHOICE_NAMES
from napari_umis_fusion.plugin.training._presets import DESCRIPTIONS, FINE_TUNE, OWN, PRESETS
from napari_umis_fusion.plugin.widgets import Form
from napari_umis_fusion.runtime import help_with_bounds
from napari_umis_fusion.training import NETWORKS, ObjectiveName, Specimen, TrainingConfig

SHIPPED, UNTRAINED, FILE = "weights of this package", "untrained network", "from a file …"


@dataclass(frozen=True, slots=True)
class Basics:
    """Initial weights, specimen and name of a training.

    Attributes
    ----------
    weights : Path or None
        File of the initial weights; None for an untrained network.
    specimen : str
        Kind of samples, as `TrainingConfig` accepts it.
    name : str
        Name of the result; empty to derive it from the data.
    """

    weights: Path | None
    specimen: Specimen = "any"
    name: str = ""


class BasicsForm(Form):
    """Rows for a preset and for `Basics`; follows the library of models."""

    def __init__(self) -> None:
        self._objective: ObjectiveName = "select"
        self._files: list[Path] = []
        self._chosen: Any = SHIPPED
        self._names: dict[Path, str] = {}
        self.preset = ComboBox(
            name="preset",
            label="preset",
            choices=[*PRESETS, OWN],
            value=FINE_TUNE,
            tooltip="Sets all options. Change single ones under Options.\n"
            + "\n".join(f"{name}: {text}" for name, text in DESCRIPTIONS.items()),
        )
        self._weights = ComboBox(
            name="weights",
            label="initial weights",
            choices=[SHIPPED],
            tooltip="Weights with which training starts. They are never changed; the result is "
            "compared with them.",
        )
        (spec,) = [one for one in fields(TrainingConfig) if one.name == "specimen"]
        specimen = ComboBox(
            name="specimen",
            label="specimen",
            choices=CHOICE_NAMES.choices(spec),
            tooltip="What your samples are. The closer the rendered stacks are to yours, the more "
            f"training can gain. {CHOICE_NAMES.in_plain_words(spec, help_with_bounds(spec))}",
        )
        name = LineEdit(
            name="name",
            label="name",
            value="",
            tooltip="Name of the result in the library. By default it follows the data.",
        )
        super().__init__([self.preset, self._weights, specimen, name])
        self._weights.changed.connect(self._on_weights)
        library_changed.connect(self._offer)
        self._offer()

    def value(self) -> Basics:
        """Return what the rows show."""
        return Basics(self._path(), self["specimen"].value, str(self["name"].value).strip())

    def setValue(self, basics: Basics) -> None:  # noqa: N802
        """Show initial weights, specimen and name."""
        self.set_row_values({"specimen": basics.specimen, "name": basics.name})
        self.select_weights(basics.weights)

    @property
    def initial_name(self) -> str:
        """Name of the initial weights; empty for an untrained network."""
        path = self._path()
        return "" if path is None else self._names.get(path, path.stem)

    def script_argument(self) -> str | None:
        """Return the weights for a script: "" for those of the package, None for none."""
        chosen = self._weights.value
        return "" if chosen == SHIPPED else None if chosen == UNTRAINED else str(chosen)

    def select_weights(self, path: Path | None) -> None:
        """Select initial weights; None selects an untrained network."""
        if path == shipped_weights(NETWORKS[self._objective]):
            self._offer(choose=SHIPPED)
            return
        if path is not None and path not in self._weights.choices:
            # files outside the library stay on offer until the widget is closed
            self._files.append(path)
        self._offer(choose=UNTRAINED if path is None else path)

    def adapt_to(self, objective: ObjectiveName) -> None:
        """Offer the weights of the network that an objective trains."""
        self.show_row("specimen", objective == "select")
        if objective != self._objective:
            self._objective = objective
            self._offer()

    def release(self) -> None:
        """Disconnect from the library; Qt has done so already if it deleted the widget."""
        if isalive(self):
            library_changed.disconnect(self._offer)

    def choose_file(self) -> Path | None:
        """Open a dialog for a file of weights."""
        path, _ = QFileDialog.getOpenFileName(
            self, "Initial weights", "", "Weights (*.safetensors *.pth *.pt)"
        )
        return Path(path) if path else None

    def _path(self) -> Path | None:
        chosen = self._weights.value
        if chosen == UNTRAINED:
            return None
        return shipped_weights(NETWORKS[self._objective]) if chosen == SHIPPED else Path(chosen)

    def _offer(self, choose: Any = None) -> None:
        wanted = self._weights.value if choose is None else choose
        architecture = NETWORKS[self._objective]
        models = [one for one in ModelLibrary().models() if one.architecture == architecture]
        self._names = {one.path: one.name for one in models}
        files = [path for path in self._files if path not in self._names]
        choices = [SHIPPED, UNTRAINED, *self._names, *files, FILE]
        # replacing the choices changes the value of a combo box several times
        with self._weights.changed.blocked():
            self._weights.choices = [(self._named(choice), choice) for choice in choices]
            self._weights.value = wanted if wanted in choices else SHIPPED
        self._chosen = self._weights.value
        if self._chosen != wanted or choose is not None:
            self.valueChanged.emit()

    def _named(self, choice: Any) -> str:
        return self._names.get(choice, choice.name) if isinstance(choice, Path) else str(choice)

    def _on_weights(self) -> None:
        if self._weights.value != FILE:
            self._chosen = self._weights.value
            return
        path = self.choose_file()
        if path is None:
            self._offer(choose=self._chosen)
        else:
            self.select_weights(path)
