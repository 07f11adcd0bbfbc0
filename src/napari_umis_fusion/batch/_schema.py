"""What the record of a batch holds, checked where it is read."""

from typing import Any, Literal

from pydantic import with_config
from typing_extensions import TypedDict

from napari_umis_fusion.runtime import STRICT


@with_config(STRICT)
class HeadLine(TypedDict):
    """The first line."""

    software: str
    made_with: dict[str, Any]


@with_config(STRICT)
class OutputEntry(TypedDict):
    """A file of results, below the folder of the record."""

    path: str
    stamp: list[int] | None


@with_config(STRICT)
class EntryLine(TypedDict):
    """What is known of a stack; the last line of a name counts."""

    name: str
    identity: str
    status: Literal["begun", "done", "failed"]
    shape: list[int]
    seconds: float
    never_in_focus: float | None
    outputs: dict[str, OutputEntry]
    notes: list[str]
    reason: str
    thumbnail: str
