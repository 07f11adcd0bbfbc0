"""One model: trained weights in a file, and what is known of them."""

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

HASH_SHOWN = 8
"""Digits of a hash that people are shown; enough to tell models apart."""


@dataclass(frozen=True)
class Model:
    """Trained weights, and what is known of them.

    Attributes
    ----------
    path : pathlib.Path
        The .safetensors file, which never changes.
    name : str
        For people; unique in a library.
    note : str
        Whatever its owner wrote.
    created : datetime
        When it was trained or imported, with a time zone.
    architecture : {"plane-ranker", "umis-unetplusplus"}
        Which network the weights are of.
    parent : str
        Name and hash of the weights that training started from; empty if unknown or none.
    scores : mapping of str to float
        Of its validation.
    training_data : mapping
        What it was trained on.
    config : mapping
        How it was trained.
    metadata : mapping
        The whole header of the file.
    is_shipped : bool
        Whether it comes with the package, and can be neither renamed nor deleted.
    """

    path: Path
    name: str
    note: str
    created: datetime
    architecture: Architecture
    parent: str = ""
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
        """Hash of the file; read from it where it is not known yet."""
        return sha256_of(self.path)

    @property
    def known_sha256(self) -> str:
        """Hash of the file if it is known without reading it, or nothing."""
        try:
            return known_sha256(self.path)
        except CheckpointError:  # deleted meanwhile
            return ""

    @property
    def comparison(self) -> Mapping[str, Any]:
        """How it compared with the weights that training started from; empty if unknown."""
        return _mapping(self.metadata.get("comparison"))

    @property
    def gain_db(self) -> float | None:
        """Gain in PSNR over these weights, in dB; None if unknown."""
        before, after = (_mapping(self.comparison.get(k)).get("psnr") for k in ("before", "after"))
        return after - before if _is_number(before) and _is_number(after) else None

    @property
    def achieved(self) -> str:
        """Gain, or else the PSNR of its validation, for people; empty if neither is known."""
        if self.gain_db is not None:
            return f"{self.gain_db:+.2f} dB"
        psnr = self.scores.get("psnr")
        return "" if psnr is None else f"{psnr:.1f} dB"

    def as_dict(self) -> dict[str, Any]:
        """Return what is known as JSON values."""
        plain = ("name", "note", "architecture", "focus_measure", "sha256", "parent", "gain_db")
        mappings = ("scores", "comparison", "training_data", "config")
        return {
            "path": str(self.path),
            "created": self.created.isoformat(timespec="seconds"),
            **{name: getattr(self, name) for name in plain},
            **{name: dict(getattr(self, name)) for name in mappings},
            "is_shipped": self.is_shipped,
        }


def read_model(path: str | os.PathLike[str], *, is_shipped: bool = False) -> Model:
    """Read what is known of the weights in a .safetensors file, but not the weights.

    Files of other origin say little: what is missing stays empty, the name is that of the file
    and the date that of its last change.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or its weights are of a network that this version lacks.
    """
    where = Path(path).absolute()
    header = read_header(where)
    noted = {} if is_shipped else read_sidecar(where)
    parent, parent_hash = (str(header.get(key) or "") for key in ("parent", "parent_sha256"))
    return Model(
        path=where,
        name=_text(noted.get("name")) or _text(header.get("name")) or where.stem,
        note=_text(noted.get("note")),
        created=_date(header.get("created"), where),
        architecture=architecture_in(header, where),
        parent=f"{parent} ({parent_hash[:HASH_SHOWN]})" if parent and parent_hash else parent,
        scores={k: float(v) for k, v in _mapping(header.get("scores")).items() if _is_number(v)},
        training_data=_mapping(header.get("training_data")),
        config=_mapping(header.get("config")),
        metadata=header,
        is_shipped=is_shipped,
    )


def _date(text: Any, path: Path) -> datetime:
    """Return the date that a header holds, or that of the file's last change."""
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
