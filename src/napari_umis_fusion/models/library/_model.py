"""A model: trained weights in a file, and their history."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, TypeGuard

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.models.library._header import architecture_in, read_header
from napari_umis_fusion.models.library._sidecar import (
    changed_at,
    known_sha256,
    read_sidecar,
    sha256_of,
)
from napari_umis_fusion.network import FOCUS_MEASURES, Architecture
from napari_umis_fusion.runtime import user_path

HASH_SHOWN = 8
"""Digits of a hash that are shown; enough to distinguish models."""


@dataclass(frozen=True)
class Model:
    """Trained weights and their history.

    Attributes
    ----------
    path : pathlib.Path
        The .safetensors file, which never changes.
    name : str
        Name, unique in a library.
    note : str
        Note of the user.
    created : datetime
        Time of training or import, with a time zone.
    architecture : {"plane-ranker", "umis-unetplusplus"}
        Network of the weights.
    initial_weights : str
        Name and hash of the initial weights; empty if unknown or none. Its key in files is
        "parent".
    scores : mapping of str to float
        Scores of its validation.
    training_data : mapping
        Training data, as the header describes it.
    config : mapping
        Options of its training.
    metadata : mapping
        The whole header of the file.
    is_shipped : bool
        Whether it comes with the package; it can then be neither renamed nor deleted.
    """

    path: Path
    name: str
    note: str
    created: datetime
    architecture: Architecture
    initial_weights: str = ""
    scores: Mapping[str, float] = field(default_factory=dict, repr=False)
    training_data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    is_shipped: bool = False

    @property
    def focus_measure(self) -> str:
        """Which focus measure uses these weights: "learned" or "umis"."""
        return FOCUS_MEASURES[self.architecture]

    @cached_property
    def sha256(self) -> str:
        """Hash of the file; computed if it is not known yet."""
        return sha256_of(self.path)

    @property
    def known_sha256(self) -> str:
        """Hash of the file if it is known without reading it, otherwise empty."""
        try:
            return known_sha256(self.path)
        except CheckpointError:  # deleted meanwhile
            return ""

    @property
    def comparison(self) -> Mapping[str, Any]:
        """Comparison with the initial weights; empty if unknown."""
        return _mapping(self.metadata.get("comparison"))

    @property
    def gain_db(self) -> float | None:
        """Gain in PSNR over the initial weights, in dB; None if unknown."""
        initial, trained = (
            _mapping(self.comparison.get(k)).get("psnr") for k in ("before", "after")
        )
        return trained - initial if _is_number(initial) and _is_number(trained) else None

    @property
    def achieved(self) -> str:
        """Gain, or else the PSNR of its validation, as text; empty if neither is known."""
        if self.gain_db is not None:
            return f"{self.gain_db:+.2f} dB"
        psnr = self.scores.get("psnr")
        return "" if psnr is None else f"{psnr:.1f} dB"

    def as_dict(self) -> dict[str, Any]:
        """Return all attributes as JSON values."""
        plain = ("name", "note", "architecture", "focus_measure", "sha256", "gain_db")
        mappings = ("scores", "comparison", "training_data", "config")
        return {
            "path": str(self.path),
            "created": self.created.isoformat(timespec="seconds"),
            **{name: getattr(self, name) for name in plain},
            "parent": self.initial_weights,
            **{name: dict(getattr(self, name)) for name in mappings},
            "is_shipped": self.is_shipped,
        }


def read_model(path: str | os.PathLike[str], *, is_shipped: bool = False) -> Model:
    """Read the header of a .safetensors file, but not the weights.

    Files of other programs contain little: missing attributes are empty, the name is that of the
    file, and the date that of its last change.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or this version does not know its network.
    """
    where = user_path(path).absolute()
    header = read_header(where)
    noted = {} if is_shipped else read_sidecar(where)
    initial, sha256 = (str(header.get(key) or "") for key in ("parent", "parent_sha256"))
    return Model(
        path=where,
        name=_text(noted.get("name")) or _text(header.get("name")) or where.stem,
        note=_text(noted.get("note")),
        created=_date(header.get("created"), where),
        architecture=architecture_in(header, where),
        initial_weights=f"{initial} ({sha256[:HASH_SHOWN]})" if initial and sha256 else initial,
        scores={k: float(v) for k, v in _mapping(header.get("scores")).items() if _is_number(v)},
        training_data=_mapping(header.get("training_data")),
        config=_mapping(header.get("config")),
        metadata=header,
        is_shipped=is_shipped,
    )


def _date(text: Any, path: Path) -> datetime:
    """Return the date in a header, or that of the last change of the file."""
    try:
        created = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return datetime.fromtimestamp(changed_at(path), UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
