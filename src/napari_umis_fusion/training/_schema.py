"""What the files of a training hold, checked where they are read."""

from typing import Any, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from napari_umis_fusion.runtime import STRICT


@with_config(STRICT)
class OriginEntry(TypedDict):
    """Name and initial weights of a training; the keys of files."""

    name: str
    parent: NotRequired[str]
    parent_sha256: NotRequired[str]
    created: NotRequired[str]


@with_config(STRICT)
class SessionEntry(TypedDict):
    """Content of session.json."""

    config: dict[str, Any]
    origin: OriginEntry
    data: NotRequired[list[str]]


@with_config(STRICT)
class ImagesEntry(TypedDict):
    """The description in images.npz."""

    kind: str
    names: list[str]
    sources: list[str]
    left_out: list[str]
