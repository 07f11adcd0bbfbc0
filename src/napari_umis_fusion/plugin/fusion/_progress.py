"""Progress of a fusion, with a text for the user."""

from typing import Any

from napari_umis_fusion.layers import LayerProgress, LayerStarted
from napari_umis_fusion.plugin.widgets import Progress


def progress_of(event: Any) -> Progress | None:
    """Return the progress of an event, or None."""
    if isinstance(event, LayerStarted):
        return Progress(0.0, "starting")
    if isinstance(event, LayerProgress):
        return Progress(event.share, progress_text(event), timed_share=event.share)
    return None


def progress_text(event: LayerProgress) -> str:
    """Return the progress as text: "stack 2 of 10, plane 5 of 12"."""
    parts = [f"stack {event.stack + 1} of {event.stacks}"] if event.stacks > 1 else []
    plane = f"plane {min(event.done + 1, event.total)} of {event.total}"
    if event.stage == "aligning":
        parts.append(f"aligning {plane}")
    elif event.stage == "measuring":
        parts.append(plane)
    else:
        parts.append("verifying")
    return ", ".join(parts)
