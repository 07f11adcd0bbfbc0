"""The origin of a training: its name and initial weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a training, for the header of its weights.

    Attributes
    ----------
    name : str
        Name of the result, unless the user changes it.
    initial_name : str
        Name of the initial weights; empty for an untrained network.
    initial_sha256 : str
        Hash of their file.
    created : str
        Time of creation, ISO 8601.
    """

    name: str
    initial_name: str = ""
    initial_sha256: str = ""
    created: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the values under their keys in session.json and in headers of weights."""
        return {
            "name": self.name,
            "parent": self.initial_name,  # files on disk depend on these keys
            "parent_sha256": self.initial_sha256,
            "created": self.created,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the origin of a session.json; the inverse of `as_dict`."""
        keys = ("parent", "parent_sha256", "created")
        return cls(values["name"], *(values.get(key, "") for key in keys))
