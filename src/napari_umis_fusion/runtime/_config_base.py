"""What every config has in common."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from napari_umis_fusion.runtime._options import check_fields, replace_fields


@dataclass(frozen=True, slots=True)
class ConfigBase:
    """A frozen dataclass of options, each checked against the metadata of its field.

    A config with rules of its own has a `__post_init__` that begins with `check_fields`: `super()`
    fails there, as ``slots`` makes the class anew.
    """

    def __post_init__(self) -> None:
        check_fields(self)

    def replace(self, **options: Any) -> Self:
        """Return a copy with some fields changed.

        Raises
        ------
        ConfigError
            If a field does not exist, or a value is not accepted.
        """
        return replace_fields(self, options)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of JSON values."""
        return asdict(self)
