"""What the files of a training hold, checked where they are read."""

from typing import Any, NotRequired

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

STRICT = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)
"""Values are not converted, and nothing unknown is passed over."""


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


def checked(schema: Any, value: Any) -> Any:
    """Return a value that has the schema.

    Raises
    ------
    ValueError
        If it does not; the message names the first entry that is wrong.
    """
    try:
        return TypeAdapter(schema).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the content"
        raise ValueError(f"{where}: {first['msg']}") from None
