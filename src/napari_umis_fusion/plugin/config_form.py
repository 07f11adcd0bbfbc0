"""Rows for the fields of a config, made from their metadata."""

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FileEdit, FloatSpinBox, SpinBox

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.fields import described
from napari_umis_fusion.plugin.rows import Rows

ELSEWHERE = ("channel",)
"""Fields that the widget asks for in another place."""

_LABELS = {
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
    "checkpoint": lambda config: config.focus_measure in _NETWORKS,
    "device": lambda config: config.focus_measure in _NETWORKS,
    "detail_sigma_px": lambda config: config.focus_measure == "laplacian",
    "window_sigma_px": lambda config: config.focus_measure not in _NETWORKS,
    "seam_smoothness": lambda config: config.verification == "seams",
    "verification_window_px": lambda config: config.verification in ("mode", "fuzzy"),
}
"""When a field has a say; its row is greyed out else."""


class ConfigForm(Rows):
    """A row for each field of `FusionConfig`: `config` is the whole, `changed` tells of edits."""

    def __init__(self, config: FusionConfig | None = None) -> None:
        rows = [_row(spec) for spec in fields(FusionConfig) if spec.name not in ELSEWHERE]
        super().__init__(rows)
        self.config = config or FusionConfig()
        self.changed.connect(self._show_used)

    @property
    def config(self) -> FusionConfig:
        """The config that the rows show.

        Raises
        ------
        ConfigError
            If rows contradict each other.
        """
        values = {row.name: _value(row) for row in self}
        if values["focus_measure"] not in _NETWORKS:
            values["checkpoint"] = None
        return FusionConfig(**values)

    @config.setter
    def config(self, config: FusionConfig) -> None:
        with self.changed.blocked():
            for row in self:
                row.value = getattr(config, row.name)
        self._show_used()
        self.changed.emit(self)

    def _show_used(self) -> None:
        chosen = FusionConfig(
            focus_measure=self["focus_measure"].value, verification=self["verification"].value
        )
        for name, is_used in _USED_WITH.items():
            self[name].enabled = is_used(chosen)


def _row(spec: Field[Any]) -> Any:
    meta, text = dict(spec.metadata), described(spec)
    unit = meta.get("unit")
    label = _LABELS.get(spec.name, spec.name.replace("_", " "))
    common = {
        "name": spec.name,
        "label": f"{label} ({unit})" if unit else label,
        "tooltip": f"{text[0].upper()}{text[1:]}.",
    }
    if "path" in meta:
        filters = "Weights (*.safetensors *.pth)"
        return FileEdit(**common, filter=filters, nullable=True, value=None)
    if "choices" in meta:
        return ComboBox(**common, choices=meta["choices"], value=spec.default)
    if isinstance(spec.default, bool):
        return CheckBox(**{**common, "text": "", "value": spec.default})
    limits = {"min": meta["min"], "max": meta["max"], "value": spec.default}
    if isinstance(spec.default, float):
        return FloatSpinBox(**common, **limits, step=0.5)
    return SpinBox(**common, **limits)


def _value(row: Any) -> Any:
    if isinstance(row, FileEdit):
        path = row.value
        return None if path is None or str(path) in ("", ".") else str(path)
    return row.value
