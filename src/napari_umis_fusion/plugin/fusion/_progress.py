"""How far a fusion is, in words."""

from typing import Any

from napari_umis_fusion.layers import LayerProgress, LayerStarted
from napari_umis_fusion.plugin.widgets import Progress


def progress_of(event: Any) -> Progress | None:
    """Return the progress that an event of a fusion tells of."""
    if isinstance(event, LayerStarted):
        return Progress(0.0, "starting")
    if isinstance(event, LayerProgress):
        return Progress(event.share, in_words(event), timed_share=event.share)
    return None


def in_words(event: LayerProgress) -> str:
    """Say how far it is: "stack 2 of 10, plane 5 of 12"."""
    parts = [f"stack {event.stack + 1} of {event.stacks}"] if event.stacks > 1 else []
    plane = f"plane {min(event.done + 1, event.total)} of {event.total}"
    if event.stage == "aligning":
        parts.append(f"aligning {plane}")
    elif event.stage == "measuring":
        parts.append(plane)
    else:
        parts.append("checking the decision")
    return ", ".join(parts)
