"""Name, note, authors and licence of an exported network."""

from dataclasses import dataclass

DEFAULT_LICENCE = "BSD-3-Clause"
"""Licence of the weights of this package, from which most others are fine-tuned."""


@dataclass(frozen=True, slots=True)
class ExportDescription:
    """What the user says about an exported network.

    Attributes
    ----------
    name : str
        Name of the network.
    note : str
        Note about it.
    authors : tuple of str
        Authors of the weights.
    licence : str
        Licence of the weights, as an SPDX identifier.
    """

    name: str
    note: str = ""
    authors: tuple[str, ...] = ()
    licence: str = DEFAULT_LICENCE
