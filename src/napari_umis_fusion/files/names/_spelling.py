"""Heights in file names, as people spell them: signs in words, units of many forms, bare points."""

import re
from collections.abc import Sequence

_FORMS = {
    "um": r"um|UM|Um|[µμ]m|(?i:microns?|mi[ck]romet(?:er|re)s?)",
    "nm": r"nm|NM|(?i:nanomet(?:er|re)s?)",
    "mm": r"mm|MM|(?i:millimet(?:er|re)s?)",
}
"""Not uM, nM and mM, which are concentrations."""

# A unit that a number runs into, or that stands alone after it.
_UNIT = re.compile(
    r"(?<=\d)(?:(?:"
    + "|".join(f"(?P<{name}>{form})" for name, form in _FORMS.items())
    + r")(?![^\W\d_])|[ _\[(]{1,2}(?:"
    + "|".join(f"(?P<{name}_alone>{form})" for name, form in _FORMS.items())
    + r")(?![^\W_]))"
)
# Some programs write 0p5um, since a point in a name starts the extension.
_POINT = re.compile(r"(?<=\d)p(?=\d+(?:um|nm|mm)(?![^\W\d_]))")
_COMMA = re.compile(r"(?<![\d.,])\d+,\d+")
_THOUSAND = re.compile(r"(?<![\d.,])(?P<first>[1-9]\d{0,2}),(?=\d{3}(?![\d.,]))")
_HUNDREDS = re.compile(r"(?<![\d.,])\d{3}(?=um|nm|mm)|\dnm")
_BARE_POINT = re.compile(r"(?<![\d.,])[.,](?=\d+(?:um|nm|mm)(?![^\W\d_]))")
_SIGN = re.compile(
    r"(?<![^\W\d_])(?P<z>z[ _]?)?(?:(?P<minus>minus|neg|m|n)|plus|pos|p)[ _]?"
    r"(?=\d+(?:[.,]\d+)?(?P<unit>(?:um|nm|mm)(?![^\W\d_]))?)",
    re.IGNORECASE,
)


def spelt_plainly(names: Sequence[str]) -> list[str]:
    """Return names in which heights are numbers with sign, point and unit.

    Parameters
    ----------
    names : sequence of str
        File names without extension, of one set: a word or a bare point means something only
        where some names have it and others do not.

    Returns
    -------
    list of str

    Examples
    --------
    >>> spelt_plainly(["z m0p5 microns", "z 0 microns", "z p0p5 microns"])
    ['z -0.5um', 'z 0um', 'z +0.5um']
    """
    plain = _without_thousands([_POINT.sub(".", _UNIT.sub(_short, name)) for name in names])
    signed = [_SIGN.sub(_signed, name) for name in plain]
    is_minus = [
        name.count("-") > before.count("-") for name, before in zip(signed, plain, strict=True)
    ]
    if any(is_minus) and not all(is_minus):
        plain = signed
    pointed = [_BARE_POINT.sub("0.", name) for name in plain]
    return plain if all(a != b for a, b in zip(pointed, plain, strict=True)) else pointed


def _without_thousands(names: list[str]) -> list[str]:
    """Write 1,000 as 1000, where numbers below have no comma and are no such small numbers."""
    commas = [_COMMA.findall(name) for name in names]
    every = [number for found in commas for number in found]
    if not every or all(commas) or not all(map(_THOUSAND.match, every)):
        return names
    is_large = any(map(_HUNDREDS.search, names))
    return [_THOUSAND.sub(r"\g<first>", name) for name in names] if is_large else names


def _short(found: re.Match[str]) -> str:
    return str(found.lastgroup).removesuffix("_alone")


def _signed(found: re.Match[str]) -> str:
    """Return a sign for its word, if a height is meant: after z, or before a unit."""
    before = found["z"] or ""
    if not (before or found["unit"]):
        return found[0]
    return f"{before}{'-' if found['minus'] else '+'}"
