"""Metadata of config fields, and checks of values against it.

Besides help, bounds, unit and choices, the metadata may hold ``label``, the name shown to users;
``step``, the increment of a spin box; and ``used_when``, the name of another field with the values
for which this field has an effect.
"""

from collections.abc import Mapping
from dataclasses import Field, fields, replace
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from napari_umis_fusion.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MOST_SHOWN = 80
"""Characters of a value that a message shows."""

Config = TypeVar("Config", bound="DataclassInstance")


def choice(choices: Any, help_text: str, **more: Any) -> dict[str, Any]:
    """Return the metadata of a field that takes one of a `Literal`'s values."""
    return {"help": help_text, "choices": get_args(choices), **more}


def number(help_text: str, unit: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    """Return the metadata of a field that takes a number from `low` to `high`."""
    return {"help": help_text, "unit": unit, "min": low, "max": high, **more}


def label_of(spec: Field[Any]) -> str:
    """Return the name of a field as users see it, such as "median filter"."""
    return str(spec.metadata.get("label", spec.name.replace("_", " ")))


def is_used(spec: Field[Any], config: Any) -> bool:
    """Whether a field has an effect, given the other fields of its config."""
    if "used_when" not in spec.metadata:
        return True
    other, accepted = spec.metadata["used_when"]
    return getattr(config, other) in accepted


def help_with_bounds(spec: Field[Any]) -> str:
    """Return a field's help with its bounds and default, as sentences."""
    meta: dict[str, Any] = dict(spec.metadata)
    sentences = [str(meta["help"])]
    if "min" in meta:
        bounds = f"{meta['min']:g} to {meta['max']:g} {meta['unit']}".rstrip()
        sentences.append(f"Accepted: {bounds}.")
    # The help itself explains a default of None.
    if spec.default is not None:
        sentences.append(f"Default: {spec.default}.")
    return " ".join(sentences)


def changed_fields(config: Any) -> dict[str, Any]:
    """Return the fields of a config that differ from their defaults."""
    blank = type(config)()
    values = {spec.name: getattr(config, spec.name) for spec in fields(config)}
    return {name: value for name, value in values.items() if value != getattr(blank, name)}


def check_fields(config: Any) -> None:
    """Check every field of a config; raises `ConfigError` for a value that is not accepted."""
    take_python_values(config)
    for spec in fields(config):
        check_field(spec, getattr(config, spec.name))


def take_python_values(config: Any) -> None:
    """Replace scalars of NumPy by Python's own: configs are compared, and written as JSON."""
    for spec in fields(config):
        value = getattr(config, spec.name)
        if getattr(value, "shape", None) == () and hasattr(value, "item"):
            object.__setattr__(config, spec.name, value.item())


def config_of(kind: type[Config], given: Any, options: Mapping[str, Any] | None = None) -> Config:
    """Return the config that was given, or the default, with some fields changed.

    Raises
    ------
    ConfigError
        If something else was given, or a field does not exist.
    """
    if given is not None and not isinstance(given, kind):
        raise ConfigError(
            f"got {shown(given)} where options are; accepted is a {kind.__name__}, or None. Give "
            f"single options by their names: {fields(kind)[0].name}=..."
        )
    return replace_fields(kind() if given is None else given, options or {})


def replace_fields(config: Config, options: Mapping[str, Any]) -> Config:
    """Return a config with some fields changed; raises `ConfigError` for unknown fields."""
    names = [spec.name for spec in fields(config)]
    unknown = [name for name in options if name not in names]
    if unknown:
        some = ", ".join(str(name)[:MOST_SHOWN] for name in unknown[:3])
        raise ConfigError(f"unknown option {some}; accepted are {', '.join(names)}.")
    return replace(config, **options)


def check_field(spec: Field[Any], value: Any) -> None:
    """Raise `ConfigError` unless the field accepts the value."""
    if "choices" in spec.metadata:
        check_choice(spec, value)
    elif "min" in spec.metadata:
        check_number(spec, value)
    elif "path" in spec.metadata:
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"{spec.name}={shown(value)}; accepted is a path as text, or None.")
    elif "any_number" in spec.metadata:
        if value is not None and not is_number(value):
            raise ConfigError(f"{spec.name}={shown(value)}; accepted is a finite number, or None.")
    elif "text" in spec.metadata:
        if not isinstance(value, str) or not (value or "may_be_empty" in spec.metadata):
            raise ConfigError(f"{spec.name}={shown(value)}; accepted is a text, such as *.tif.")
    elif not isinstance(value, bool):
        raise ConfigError(f"{spec.name}={shown(value)}; accepted are True and False.")


def check_choice(spec: Field[Any], value: Any, also: str = "") -> None:
    """Raise `ConfigError` unless the value is among the field's choices."""
    choices = spec.metadata["choices"]
    if value not in choices:
        raise ConfigError(f"{spec.name}={shown(value)}; accepted are {', '.join(choices)}{also}.")


def check_number(spec: Field[Any], value: Any) -> None:
    """Raise `ConfigError` unless the value is a number of the field's type within its bounds."""
    low, high, unit = (spec.metadata[key] for key in ("min", "max", "unit"))
    whole = isinstance(spec.default, int)  # the default's type stands for the field's
    fits = is_int(value) or (not whole and isinstance(value, float))
    if not fits or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        bounds = f"{kind} from {low:g} to {high:g} {unit}".rstrip()
        raise ConfigError(f"{spec.name}={shown(value)}; accepted is {bounds}.")


def shown(value: Any) -> str:
    """Return a value for a message: as Python writes it, cut if it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python does not write out integers of thousands of digits
        return f"a very long {type(value).__name__}"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def is_number(value: Any) -> bool:
    """Whether a value is a finite number of Python or NumPy, and neither yes nor no."""
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    return is_int(value) or (is_real and isfinite(value))


def is_int(value: Any) -> bool:
    """Whether a value is a whole number; bool, a subclass of int in Python, is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def option_words(config: Any) -> list[str]:
    """Return the options of the command line that make a config, without those at their default."""
    return [_option(name, value) for name, value in changed_fields(config).items()]


def _option(name: str, value: Any) -> str:
    dashed = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{dashed}" if value else f"--no-{dashed}"
    # In one word, since a value may begin with a hyphen.
    return f"--{dashed}={value}"
