"""Which of several results is retouched."""

from typing import Any


def number_of(shown: Any, active: Any) -> int:
    """Return which of several layers, or of their results, is meant."""
    sources = [reference() for reference in shown.sources]
    if active in sources:
        return sources.index(active)
    for (_, number), one in shown.layers.items():
        if one.layer() is active:
            return int(number)
    return 0
