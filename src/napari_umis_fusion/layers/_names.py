"""What tells results apart: the part that was fused, the method, and the options of both.

Tags go before a name: napari shortens long names in the middle, so that tag and kind stay visible.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from napari_umis_fusion.config import COMPUTED_BY, FusionConfig
from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.layers._plan import LayerPlan

_METHOD = ("focus_measure", "verification", "blend")
MAX_NAMED = 2
"""Options in a tag, which leaves room for the name."""


def part_tag(plan: LayerPlan) -> str:
    """Return which part of a stack was fused, such as "[region, planes 2-5] "; "" for all of it."""
    parts = ["region"] if plan.rows is not None or plan.columns is not None else []
    if plan.planes is not None:
        parts.append("planes {}-{}".format(*plan.planes))
    return _tag(parts)


def difference_tag(metadata: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return in which options a result differs from another, such as "[laplacian, select] ".

    Parameters
    ----------
    metadata, other : mapping
        Metadata of their layers.

    Returns
    -------
    str
        Choices stand alone, other values follow the name of their option. Empty if nothing
        differs, or a layer is no result of this package.
    """
    mine, its = _part(metadata, "config"), _part(other, "config")
    changed = [name for name in mine if name in its and mine[name] != its[name]]
    parts = [_words(name, mine[name]) for name in changed if name not in COMPUTED_BY]
    more = len(parts) - MAX_NAMED
    return _tag([*parts[:MAX_NAMED], *([f"+{more}"] if more > 0 else [])])


def _as_python_says(name: str, value: Any) -> str:
    return str(value)


def describe_result(
    metadata: Mapping[str, Any], word: Callable[[str, Any], str] = _as_python_says
) -> str:
    """Return how a result was made, such as "laplacian, window 12, seams, weighted; 12 planes".

    Parameters
    ----------
    metadata : mapping
        Metadata of its layer, which may come from a file.
    word : callable
        Returns the word for the value of an option, from the name of the option and the value.

    Returns
    -------
    str
        Empty for a layer that is no result of this package.
    """
    config, defaults = _part(metadata, "config"), FusionConfig().as_dict()
    if not config:
        return ""
    others = [
        _words(name, value, word)
        for name, value in config.items()
        if name not in (*_METHOD, *COMPUTED_BY) and name in defaults and value != defaults[name]
    ]
    method = ", ".join([*(word(name, config[name]) for name in _METHOD if name in config), *others])
    shape = _part(metadata, "stack").get("shape")
    planes = f"; {shape[0]} planes" if isinstance(shape, list) and shape else ""
    plan = _part(metadata, "plan")
    part = "".join(
        f"; {name} {_span(plan[name])}" for name in ("planes", "rows", "columns") if name in plan
    )
    return f"{method}{planes}{part}"


def _part(metadata: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of the provenance; empty if it is missing, or no mapping."""
    run = metadata.get(RUN_KEY)
    found = run.get(name) if isinstance(run, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _span(pair: Any) -> str:
    return " to ".join(str(one) for one in pair) if isinstance(pair, list) else str(pair)


def _words(name: str, value: Any, word: Callable[[str, Any], str] = _as_python_says) -> str:
    spec = next((spec for spec in fields(FusionConfig) if spec.name == name), None)
    about = {} if spec is None else spec.metadata
    label = about.get("label", name.replace("_", " "))
    if name == "checkpoint":
        return f"{label} {'of the package' if value is None else Path(str(value)).stem}"
    if isinstance(value, bool):
        return str(label if value else f"no {label}")
    if isinstance(value, str) and "choices" in about and name in _METHOD:
        return value
    number = f"{value:g}" if isinstance(value, float) else word(name, value)
    return f"{label} {number}"


def _tag(parts: list[str]) -> str:
    return f"[{', '.join(parts)}] " if parts else ""
