"""What people are told of a network that leaves the library."""

from dataclasses import dataclass

DEFAULT_LICENCE = "BSD-3-Clause"
"""That of the weights which come with this package, and so of what is tuned from them."""


@dataclass(frozen=True, slots=True)
class ExportDescription:
    """What an exported network says of itself beyond what its file knows.

    Attributes
    ----------
    name : str
        Of the network.
    note : str
        What to know of it.
    authors : tuple of str
        Who trained it.
    licence : str
        Of the weights, as an SPDX identifier.
    """

    name: str
    note: str = ""
    authors: tuple[str, ...] = ()
    licence: str = DEFAULT_LICENCE
