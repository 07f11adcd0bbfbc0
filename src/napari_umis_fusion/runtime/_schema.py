"""Schemas of files that this package reads back."""

from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

STRICT = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)
"""Values are not converted, and nothing unknown is passed over."""


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
