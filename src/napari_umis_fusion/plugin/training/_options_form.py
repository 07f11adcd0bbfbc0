"""Rows for the fields of a training's config, and presets that set all of them."""

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

from magicgui.widgets import ComboBox, LineEdit, SpinBox

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fields import described
from napari_umis_fusion.plugin.widgets._rows import Rows
from napari_umis_fusion.training.config import TrainingConfig

ELSEWHERE = ("specimen",)
"""Fields that the widget asks for in another place."""

FREE = {"seed": 0, "device": "auto", "threads": 0, "specimen": "any", "planes": 0}
"""Fields that belong to the machine or the data, and to no preset."""

FINE_TUNE = "fine-tune (minutes)"
TRAIN = "train (hours)"
PUBLISHED = "published method (hours)"
OWN = "my own"

TEST_SHARE = 0.15
"""Of the images, on which the dock compares outcome and start."""

PRESETS: dict[str, TrainingConfig] = {
    FINE_TUNE: TrainingConfig.fine_tuning(),
    TRAIN: TrainingConfig(test_share=TEST_SHARE),
    PUBLISHED: TrainingConfig.reference(test_share=TEST_SHARE, batch=2, precision="auto"),
}
"""What each sets."""

EXPLAINED = {
    FINE_TUNE: "Adapts trained weights to your samples: a few hundred gentle steps.",
    TRAIN: "Trains the network of 'learned' anew, from many images.",
    PUBLISHED: "Trains the UMIS network as published, in batches of 2 that a laptop can hold.",
    OWN: "What the rows below say.",
}

_LABELS = {
    "patch_px": "patch",
    "width_px": "width",
    "height_px": "height",
    "mse_weight": "weight of squared error",
    "ssim_weight": "weight of SSIM",
    "gradient_weight": "weight of gradient",
    "spatial_frequency_weight": "weight of frequency",
    "select_weight": "weight of selection",
    "weigh_weight": "weight of mean",
    "false_edge_weight": "weight of false edges",
    "decay": "decay per epoch",
}

_SELECT = ("patch_px", "select_weight", "weigh_weight", "false_edge_weight", "planes")
_RECONSTRUCT = (
    "width_px",
    "height_px",
    "mse_weight",
    "ssim_weight",
    "gradient_weight",
    "spatial_frequency_weight",
    "spatial_frequency",
)
_USED_WITH: dict[str, Callable[[TrainingConfig], bool]] = {
    **dict.fromkeys(_SELECT, lambda config: config.objective == "select"),
    **dict.fromkeys(_RECONSTRUCT, lambda config: config.objective == "reconstruct"),
    "steps": lambda config: config.epochs == 0,
    "decay": lambda config: config.schedule == "exponential",
    "warmup_share": lambda config: config.schedule == "one_cycle",
}
"""When a field has a say; its row is hidden else."""


class TrainingForm(Rows):
    """A row for each field of `TrainingConfig`; `changed` tells of edits."""

    def __init__(self) -> None:
        self._specs = [spec for spec in fields(TrainingConfig) if spec.name not in ELSEWHERE]
        super().__init__([_row(spec) for spec in self._specs])
        self.config = PRESETS[FINE_TUNE]

    @property
    def config(self) -> TrainingConfig:
        """The config that the rows show, all specimens.

        Raises
        ------
        ConfigError
            For a value that is no number, or out of bounds.
        """
        return TrainingConfig(**{spec.name: self._value(spec) for spec in self._specs})

    @config.setter
    def config(self, config: TrainingConfig) -> None:
        with self.changed.blocked():
            for spec in self._specs:
                value = getattr(config, spec.name)
                self[spec.name].value = repr(value) if _is_fraction(spec) else value
        self._show_used()
        self.changed.emit(self)

    def preset(self) -> str:
        """Return the name of the preset that sets just this, or `OWN`."""
        try:
            config = self.config
        except ConfigError:
            return OWN
        for name, preset in PRESETS.items():
            if config.replace(**FREE) == preset.replace(**FREE):
                return name
        return OWN

    def refresh(self) -> None:
        """Show the rows that have a say after an edit."""
        self._show_used()

    def _value(self, spec: Field[Any]) -> Any:
        value = self[spec.name].value
        if not _is_fraction(spec):
            return value
        try:
            return float(value)
        except ValueError:
            raise ConfigError(
                f"{_label(spec)} is {value!r}; accepted is a number such as 0.001 or 1e-3."
            ) from None

    def _show_used(self) -> None:
        try:
            config = self.config
        except ConfigError:
            return
        for name, is_used in _USED_WITH.items():
            self.show_row(self[name], is_used(config))


def _is_fraction(spec: Field[Any]) -> bool:
    return isinstance(spec.default, float)


def _label(spec: Field[Any]) -> str:
    return _LABELS.get(spec.name, spec.name.replace("_", " "))


def _row(spec: Field[Any]) -> Any:
    meta, text = dict(spec.metadata), described(spec)
    unit = meta.get("unit")
    common = {
        "name": spec.name,
        "label": f"{_label(spec)} ({unit})" if unit else _label(spec),
        "tooltip": f"{text[0].upper()}{text[1:]}.",
    }
    if "choices" in meta:
        return ComboBox(**common, choices=meta["choices"], value=spec.default)
    if _is_fraction(spec):  # from 1e-8 to 1e6: no spin box shows both
        return LineEdit(**common, value=repr(spec.default))
    limits = {"min": meta["min"], "max": meta["max"], "value": spec.default}
    return SpinBox(**common, **limits)
