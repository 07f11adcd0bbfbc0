"""Advice after errors of a fusion, and what happens when its widget closes."""

import contextlib
import errno
from typing import Any

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.layers import LayerFinished
from napari_umis_fusion.plugin.widgets import format_duration, in_words_of_rows, release_all
from napari_umis_fusion.runtime import capitalised, count_noun, failure_reason, sentence_of

HIDDEN = " The stack is hidden, because it would shine through the result."


def done_text(event: LayerFinished, seconds: float) -> str:
    """Return how a fusion ended, such as "Done in 11 s: 12 planes, 3 % never in focus."."""
    each = count_noun(event.planes, "plane")
    what = f"{event.stacks} stacks of {each}" if event.stacks > 1 else each
    percent = round(100 * event.never_in_focus)
    nowhere = f", {percent} % never in focus" if percent else ""
    done = f"Done in {format_duration(seconds)}: {what}{nowhere}"
    told = map(in_words_of_rows, event.notes)
    return ". ".join((done, *map(capitalised, told))) + "."


def error_advice(error: Exception) -> str:
    """Return what went wrong, and what to do about it."""
    if isinstance(error, UmisFusionError):
        return in_words_of_rows(sentence_of(error))
    if isinstance(error, MemoryError):
        return f"Out of memory ({error}). Fuse a region or fewer planes, under Region and planes."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk is full ({failure_reason(error)}). Free some space on it, or fuse a region."
        )
    if isinstance(error, OSError):
        return f"The stack cannot be read ({failure_reason(error)}). Are its files still there?"
    return f"This is an error of the plugin, please report it: {error!r}"


def release(parts: dict[str, Any]) -> None:
    """Cancel the work of a panel with these attributes, and disconnect it from its viewer."""
    job, parts["job"] = parts["job"], None
    if job is not None:
        job.blockSignals(True)  # nothing is shown in a panel that is closed
        job.cancel()
    with contextlib.suppress(RuntimeError):  # Qt may have deleted them first
        parts["_next_layer"].stop()
    parts["_showing"] = None  # a fusion that is half shown can be undone
    with contextlib.suppress(RuntimeError):
        parts["preview"].set_enabled(False)
    parts_with_release = "stack", "part", "alignment", "method", "focus", "result", "advice", "keys"
    release_all(parts, parts_with_release)
