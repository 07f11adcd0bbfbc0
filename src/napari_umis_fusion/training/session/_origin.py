"""Where a training comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a training comes from, for the header of its weights.

    Attributes
    ----------
    name : str
        What the outcome is called, unless it is renamed.
    parent : str
        Name of the weights that it starts from; empty if from nothing.
    parent_sha256 : str
        Of their file.
    created : str
        When it began, ISO 8601.
    """

    name: str
    parent: str = ""
    parent_sha256: str = ""
    created: str = ""
