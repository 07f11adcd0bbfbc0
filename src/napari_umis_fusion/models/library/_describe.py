"""The facts about a model as text."""

from collections.abc import Mapping
from typing import Any

from napari_umis_fusion.models.library._copy_weights import ORIGIN
from napari_umis_fusion.models.library._model import Model


def model_facts(model: Model, usual: Mapping[str, Any]) -> dict[str, str]:
    """Return the known facts about a model as text.

    Parameters
    ----------
    model : Model
        The model.
    usual : mapping
        Options of training and their defaults; only those that differ are returned.
    """
    steps = model.metadata.get("steps")
    known = {
        "focus measure": model.focus_measure,
        "created": "" if model.is_shipped else f"{model.created.astimezone():%Y-%m-%d %H:%M}",
        "gain": _gain(model),
        "scores": ", ".join(f"{name} {value:.4g}" for name, value in model.scores.items()),
        "initial weights": model.initial_weights,
        "steps": "" if steps is None else str(steps),
        "trained on": _data(model.training_data),
        "options": _unusual(model.config, usual),
        "from file": str(_origin(model).get("file", "")),
        "note": " ".join(model.note.split()),
    }
    return {name: text for name, text in known.items() if text}


def _gain(model: Model) -> str:
    """Describe the comparison with the initial weights."""
    if model.gain_db is None:
        return ""
    known = model.comparison
    text = f"{model.gain_db:+.2f}"
    if isinstance(known.get("gain_error_db"), int | float):
        text += f" ± {known['gain_error_db']:.2f}"
    text += " dB"
    if known.get("baseline"):
        text += f" over {known['baseline']}"
    if {"better", "stacks"} <= set(known):
        seen = "" if known.get("unseen", True) else " (not held out from validation)"
        text += f", better on {known['better']} of {known['stacks']} rendered stacks{seen}"
    return text


def _data(data: Mapping[str, Any]) -> str:
    """Describe the number of images and their sources."""
    sources = data.get("sources")
    names = ", ".join(map(str, sources)) if isinstance(sources, dict | list | tuple) else ""
    images = data.get("training_images")
    if images is None:
        return names
    return f"{images} images: {names}" if names else f"{images} images"


def _unusual(config: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name}={value}" for name, value in config.items() if value != usual.get(name)
    )


def _origin(model: Model) -> Mapping[str, Any]:
    origin = model.metadata.get(ORIGIN)
    return origin if isinstance(origin, Mapping) else {}
