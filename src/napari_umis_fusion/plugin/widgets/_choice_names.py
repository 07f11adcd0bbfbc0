"""Plain names for the values of options, as a form shows them instead of those of Python."""

import re
from collections.abc import Mapping
from dataclasses import Field
from typing import Any

_QUOTED = re.compile(r"'(\w+)'")


class ChoiceNames:
    """The names of the choices of some fields.

    Parameters
    ----------
    names : mapping of str to mapping of str to str
        For each field, the name of each of its choices, in the order of the row.
    """

    def __init__(self, names: Mapping[str, Mapping[str, str]]) -> None:
        self._names = names

    def choices(self, spec: Field[Any]) -> list[Any]:
        """Return the choices of a field for a combo box: (name, value), or values without names."""
        values = list(spec.metadata["choices"])
        named = self._names.get(spec.name)
        if named is None:
            return values
        listed = [value for value in named if value in values]
        listed += [value for value in values if value not in named]
        return [(named.get(value, str(value)), value) for value in listed]

    def word(self, field: str, value: Any) -> str:
        """Return the name of a choice of a field; other values as Python shows them."""
        known = self._names.get(field, {}) if isinstance(value, str) else {}
        return known.get(value, str(value))

    def in_plain_words(self, spec: Field[Any], text: str) -> str:
        """Return the help of a field with the names of what it quotes: 'select', or its default."""
        own = self._names.get(spec.name, {})

        def name(quoted: re.Match[str]) -> str:
            value = quoted[1]
            named = own.get(value) or next(
                (names[value] for names in self._names.values() if value in names), None
            )
            return quoted[0] if named is None else f"“{named}”"

        text = _QUOTED.sub(name, text)
        default = f"Default: {spec.default}."
        if spec.default in own and text.endswith(default):
            text = f"{text.removesuffix(default)}Default: {own[str(spec.default)]}."
        return text


NO_NAMES = ChoiceNames({})
"""For forms that show the words of Python."""
