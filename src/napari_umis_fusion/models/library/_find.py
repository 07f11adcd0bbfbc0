"""Find a model by its name, or by the first digits of its hash."""

import re
from collections.abc import Sequence

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.models.library._model import Model

_HASH = re.compile(r"[0-9a-f]{6,64}")


def choose_model(models: Sequence[Model], text: str) -> Model:
    """Return the model with this name, or else the one whose hash starts with it.

    Raises
    ------
    CheckpointError
        If there is none, or more than one.
    """
    wanted = text.strip().casefold()
    for model in [m for m in models if m.name == text] or models:
        if model.name.casefold() == wanted:
            return model
    is_hash = _HASH.fullmatch(wanted) is not None
    hashed = [model for model in models if is_hash and model.sha256.startswith(wanted)]
    if len(hashed) == 1:
        return hashed[0]
    names = ", ".join(repr(model.name) for model in hashed or models)
    if hashed:
        raise CheckpointError(f"{text!r}: the hashes of {names} start with it; give more digits")
    raise CheckpointError(f"{text!r}: no such model; accepted are {names}")
