"""Rows for the fields of a config, made from their metadata."""

from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, SpinBox
from qtpy.QtWidgets import QLabel

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.fields import described
from napari_umis_fusion.models.header import focus_measure_of
from napari_umis_fusion.network.architectures import SHIPPED
from napari_umis_fusion.plugin.models import WeightsChoice
from napari_umis_fusion.plugin.widgets._rows import Rows

ELSEWHERE = ("channel", "align", "align_border", "light")
"""Fields that the widget asks for in another place."""

_WEIGHTS_ROW = 1  # below the focus measure

_LABELS = {
    "align": "align planes",
    "align_border": "borders",
    "focus_measure": "focus measure",
    "checkpoint": "weights",
    "detail_sigma_px": "detail",
    "window_sigma_px": "window",
    "median_filter": "median filter",
    "seam_smoothness": "seam cost",
    "verification_window_px": "filter window",
    "nan_policy": "NaN values",
    "tile_px": "tiles",
    "memory_mb": "memory",
}

_NETWORKS = ("learned", "umis")
_USED_WITH: dict[str, Callable[[FusionConfig], bool]] = {
    "device": lambda config: config.focus_measure in _NETWORKS,
    "detail_sigma_px": lambda config: config.focus_measure == "laplacian",
    "window_sigma_px": lambda config: config.focus_measure not in _NETWORKS,
    "seam_smoothness": lambda config: config.verification == "seams",
    "verification_window_px": lambda config: config.verification in ("mode", "fuzzy"),
}
"""When a field has a say; its row is greyed out else."""


class ConfigForm(Rows):
    """A row for each field of `FusionConfig`: `config` is the whole, `changed` tells of edits.

    The row `weights` is no magicgui widget, as it follows the library of models.
    """

    def __init__(self, config: FusionConfig | None = None) -> None:
        specs = {spec.name: spec for spec in fields(FusionConfig) if spec.name not in ELSEWHERE}
        about_weights = described_row(specs.pop("checkpoint"))
        label = QLabel(about_weights["label"])
        super().__init__([row_of(spec) for spec in specs.values()])
        self.weights = WeightsChoice()
        for part in (label, self.weights):
            part.setToolTip(about_weights["tooltip"])
        self._layout.insertRow(_WEIGHTS_ROW, label, self.weights)
        self.config = config or FusionConfig()
        self.changed.connect(self._show_used)
        self.weights.changed.connect(self._on_weights)
        self.weights.file_chosen.connect(self._on_file)

    @property
    def config(self) -> FusionConfig:
        """The config that the rows show.

        Raises
        ------
        ConfigError
            If rows contradict each other.
        """
        values = {row.name: row.value for row in self}
        is_network = values["focus_measure"] in _NETWORKS
        return FusionConfig(**values, checkpoint=self.weights.value if is_network else None)

    @config.setter
    def config(self, config: FusionConfig) -> None:
        with self.changed.blocked():
            for row in self:
                row.value = getattr(config, row.name)
            self._show_used()
            if config.focus_measure in _NETWORKS:
                self.weights.value = config.checkpoint
        self.changed.emit(self)

    def use_weights(self, path: str | Path) -> str:
        """Choose weights and the focus measure that they are for, which is returned.

        Raises
        ------
        CheckpointError
            If the file cannot be read, or its weights are of a network that this version lacks.
        """
        measure = focus_measure_of(path)
        with self.changed.blocked():
            self["focus_measure"].value = measure
            self._show_used()
            self.weights.value = None if Path(path).parent == SHIPPED else str(path)
        self.changed.emit(self)
        return measure

    def let_go(self) -> None:
        """Listen to the library of models no more."""
        self.weights.let_go()

    def _show_used(self) -> None:
        chosen = FusionConfig(
            focus_measure=self["focus_measure"].value, verification=self["verification"].value
        )
        for name, is_used in _USED_WITH.items():
            self[name].enabled = is_used(chosen)
        self.weights.setEnabled(chosen.focus_measure in _NETWORKS)
        if chosen.focus_measure in _NETWORKS:
            self.weights.show_measure(chosen.focus_measure)

    def _on_weights(self) -> None:
        self.changed.emit(self)

    def _on_file(self, path: str) -> None:
        try:
            self.use_weights(path)
        except CheckpointError as error:
            self.weights.said.emit(str(error))


def described_row(spec: Field[Any]) -> dict[str, str]:
    """Return name, label and tooltip of the row of a field."""
    unit, text = spec.metadata.get("unit"), described(spec)
    label = _LABELS.get(spec.name, spec.name.replace("_", " "))
    return {
        "name": spec.name,
        "label": f"{label} ({unit})" if unit else label,
        "tooltip": f"{text[0].upper()}{text[1:]}.",
    }


def row_of(spec: Field[Any]) -> Any:
    """Return a row for a field, made from its metadata."""
    meta, common = dict(spec.metadata), described_row(spec)
    if "choices" in meta:
        return ComboBox(**common, choices=meta["choices"], value=spec.default)
    if isinstance(spec.default, bool):
        return CheckBox(**common, text="", value=spec.default)
    limits = {"min": meta["min"], "max": meta["max"], "value": spec.default}
    if isinstance(spec.default, float):
        return FloatSpinBox(**common, **limits, step=0.5)
    return SpinBox(**common, **limits)
