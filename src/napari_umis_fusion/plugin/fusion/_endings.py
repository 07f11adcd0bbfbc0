"""Advice after errors of a fusion, and what happens when its widget closes."""

import contextlib
from typing import Any

from napari_umis_fusion.errors import UmisFusionError


def error_advice(error: Exception) -> str:
    """Return what went wrong, and what to do about it."""
    if isinstance(error, UmisFusionError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"Out of memory ({error}). Fuse a region or fewer planes, under Region and planes."
    if isinstance(error, OSError):
        return f"The stack cannot be read ({error}). Are its files still there?"
    return f"This is an error of the plugin, please report it: {error!r}"


def release(parts: dict[str, Any]) -> None:
    """Cancel the work of a widget and disconnect it from its viewer.

    It gets the attributes of the widget, not the widget: when Qt emits `destroyed`, the Python
    object can no longer be used.
    """
    if parts["job"] is not None:
        parts["job"].cancel()
    with contextlib.suppress(RuntimeError):  # Qt may have deleted the checkbox first
        parts["preview"].set_enabled(False)
    if not parts["_is_closed"]:
        parts["_is_closed"] = True
        for name in ("stack", "part", "alignment", "method", "fused", "focus"):
            parts[name].release()
