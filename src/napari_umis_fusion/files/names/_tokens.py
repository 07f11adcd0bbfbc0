"""File names, cut into words and numbers."""

import re
from dataclasses import dataclass

_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DATE = r"(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"[0-2]\d[-_.:]?[0-5]\d[-_.:]?[0-5]\d(?:[.,]?\d{1,6})?"
_STAMP = re.compile(rf"(?<!\d){_DATE}(?:[T _-]{{0,3}}{_CLOCK})?(?!\d)")
_TOKEN = re.compile(
    r"(?P<stamp>\x00\d+\x00)"
    r"|(?P<number>(?<![\d.,])\d+[.,]\d+(?![.,]?\d)|\d+)"
    r"|(?P<word>[^\W\d_]+)"
)
# With minus, hyphens of other widths, and the en dash.
_SIGNS = dict.fromkeys("-−‐‑–﹣－", -1) | dict.fromkeys("+＋", 1)


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a file name.

    Attributes
    ----------
    kind : str
        "word", "number" or "stamp" (date and time).
    text : str
        As in the name, without the sign.
    sign : str
        "+", "-" or "": the character right before a number, if it may be a sign.
    glued : bool
        Whether the part before it ends where this one begins.
    alone : bool
        Whether neither letter nor digit stands right before it.
    """

    kind: str
    text: str
    sign: str = ""
    glued: bool = False
    alone: bool = True


def tokens_of(name: str) -> tuple[Token, ...]:
    """Cut a name into words, numbers and stamps; identifiers (GUIDs) are left out.

    Parameters
    ----------
    name : str
        File name without extension; folders above it may come first, separated by "/".

    Returns
    -------
    tuple of Token

    Examples
    --------
    >>> [token.text for token in tokens_of("Exp_ch01_z-2.5um")]
    ['Exp', 'ch', '01', 'z', '2.5', 'um']
    """
    text = _GUID.sub(" ", name)
    text = _STAMP.sub(lambda found: f"\x00{re.sub(r'[^0-9]', '', found[0])}\x00", text)
    tokens: list[Token] = []
    end = 0
    for found in _TOKEN.finditer(text):
        start = found.start()
        kind = str(found.lastgroup)
        before = text[start - 1 : start]
        sign = before if kind == "number" and before in _SIGNS and before else ""
        glued = bool(tokens) and start - len(sign) == end
        alone = not before.isalnum()
        tokens.append(Token(kind, found[0].strip("\x00"), sign, glued, alone))
        end = found.end()
    return tuple(tokens)


def is_minus(sign: str) -> bool:
    """Whether a sign is a minus."""
    return _SIGNS.get(sign) == -1
