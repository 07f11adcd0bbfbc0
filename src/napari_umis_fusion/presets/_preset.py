"""A preset: options of a fusion with the specimen that they are for, and the reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from napari_umis_fusion.config import NETWORK_MEASURES, FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import changed_fields

KEPT = ("channel", "checkpoint", "device", "threads", "tile_px", "memory_mb")
"""Options that depend on the stack or on the machine, and belong to no preset."""

LONGEST_NAME = 60
"""Characters of a name at most."""

LONGEST_TEXT = 2000
"""Characters of the other texts at most."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Options of a fusion for one kind of specimen.

    Attributes
    ----------
    name : str
        Its name.
    specimen : str
        What it is for.
    reason : str
        Why its options are as they are.
    options : mapping
        The fields of `FusionConfig` that differ from their defaults.

    Raises
    ------
    ConfigError
        If a text is empty or too long, or an option is not accepted or belongs to no preset.
    """

    name: str
    specimen: str = ""
    reason: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_text("name", self.name, LONGEST_NAME)
        if not self.name.strip() or not self.name.isprintable():
            raise ConfigError(
                f"name={self.name!r}; accepted is a name in one line, such as 'my beads'."
            )
        _check_text("specimen", self.specimen, LONGEST_TEXT)
        _check_text("reason", self.reason, LONGEST_TEXT)
        foreign = [name for name in self.options if name in KEPT]
        if foreign:
            raise ConfigError(
                f"the preset {self.name!r} sets {', '.join(foreign)}; leave it out: it depends on "
                "the stack or on the machine."
            )
        self.apply_to(FusionConfig())

    @classmethod
    def of(cls, config: FusionConfig, name: str, specimen: str = "", reason: str = "") -> Self:
        """Return a preset with the options of a config, without those of stack and machine.

        Parameters
        ----------
        config : FusionConfig
            Its options that differ from their defaults become those of the preset.
        name, specimen, reason : str
            See `Preset`.

        Raises
        ------
        ConfigError
            If a text is empty or too long.
        """
        changed = changed_fields(config)
        options = {option: value for option, value in changed.items() if option not in KEPT}
        return cls(name, specimen, reason, options)

    def config(self, **options: Any) -> FusionConfig:
        """Return a config with the options of the preset, and further ones that override them."""
        return FusionConfig().replace(**{**self.options, **options})

    def apply_to(self, config: FusionConfig) -> FusionConfig:
        """Return a config with the options of the preset, and those of stack and machine kept.

        Weights are kept if the focus measure is the same.
        """
        kept = {name: getattr(config, name) for name in KEPT}
        measure = self.options.get("focus_measure", FusionConfig().focus_measure)
        if measure != config.focus_measure or measure not in NETWORK_MEASURES:
            kept["checkpoint"] = None
        return self.config(**kept)

    def is_of(self, config: FusionConfig) -> bool:
        """Whether a config has the options of the preset, whatever those of stack and machine."""
        own = self.config()
        names = (spec.name for spec in fields(FusionConfig) if spec.name not in KEPT)
        return all(getattr(own, name) == getattr(config, name) for name in names)


def _check_text(name: str, text: Any, longest: int) -> None:
    if not isinstance(text, str) or len(text) > longest:
        got = f"{len(text)} characters" if isinstance(text, str) else type(text).__name__
        raise ConfigError(f"{name} is {got}; accepted is a text of up to {longest} characters.")
