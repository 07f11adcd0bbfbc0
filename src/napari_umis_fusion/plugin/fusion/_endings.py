"""How a fusion ends badly, in words, and how the window lets go of it."""

import contextlib
from typing import Any

from napari_umis_fusion.errors import UmisFusionError


def advice(error: Exception) -> str:
    """Say what went wrong, and what to do about it."""
    if isinstance(error, UmisFusionError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"Out of memory ({error}). Fuse a region, or fewer planes; see Region and planes."
    if isinstance(error, OSError):
        return f"The stack cannot be read ({error}). Are its files still there?"
    return f"This is a mistake of the plugin's, please report it: {error!r}"


def release(parts: dict[str, Any]) -> None:
    """Stop the work of a widget and forget its viewer, also where Qt has taken the widget away."""
    if parts["job"] is not None:
        parts["job"].cancel()
    with contextlib.suppress(RuntimeError):  # the box may be gone
        parts["preview"].set_enabled(False)
    if not parts["_is_closed"]:
        parts["_is_closed"] = True
        for name in ("stack", "part", "alignment", "method", "fused", "focus"):
            parts[name].release()
