"""Fields of distributions: ranges and shares, with their checks."""

import math
from dataclasses import Field, fields
from typing import Any

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import is_int

Range = tuple[float, float]


def in_range(help_text: str, unit: str, low: float = 0, high: float = math.inf) -> dict[str, Any]:
    return {"help": help_text, "unit": unit, "min": low, "max": high}


def a_share(help_text: str) -> dict[str, Any]:
    return {"help": help_text, "unit": "", "min": 0.0, "max": 1.0}


def check_distribution(distribution: Any) -> None:
    """Raise `ConfigError` unless every range and share has the type of its default, in bounds."""
    for spec in fields(distribution):
        if "min" in spec.metadata:
            _check_field(spec, getattr(distribution, spec.name))


def _check_field(spec: Field[Any], value: Any) -> None:
    """Raise `ConfigError` unless the value has the type of the default and is within bounds."""
    low, high, unit = (spec.metadata[key] for key in ("min", "max", "unit"))
    default: Any = spec.default
    paired = isinstance(default, tuple)
    pair = value if paired else (value, value)
    whole = is_int(default[0] if paired else default)
    if _is_range(pair, whole) and low <= pair[0] and pair[1] <= high:
        return
    kind = "whole number" if whole else "number"
    kind = f"a range (low, high) of {kind}s" if paired else f"a {kind}"
    bounds = f"{low:g} {unit}".rstrip() + " on"
    if high < math.inf:
        bounds = f"{low:g} to {high:g} {unit}".rstrip()
    raise ConfigError(f"{spec.name} is {value!r}; accepted is {kind} from {bounds}.")


def _is_range(pair: Any, whole: bool) -> bool:
    """Whether a value is a pair of finite numbers, the lower one first."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        return False
    numbers = (is_int(n) or (not whole and isinstance(n, float) and math.isfinite(n)) for n in pair)
    return all(numbers) and pair[0] <= pair[1]
