"""What is told when a training begins or ends, and how the window lets go of it."""

import contextlib
from typing import Any

from napari.utils.notifications import show_info

from napari_umis_fusion.errors import BusyError, DeviceError, UmisFusionError
from napari_umis_fusion.training.loop import MemoryNeed

NOT_KEPT = (
    "The result of the last training is not kept yet. It comes back with Continue last training "
    "once the new training is settled. Begin all the same?"
)

ENDED = {
    "kept": "The result stands below. Nothing is used until you say so.",
    "suspended": "Suspended; Continue last training resumes where it stands.",
    "discarded": "Discarded; nothing of this training is left.",
}


def short_of_memory(need: MemoryNeed | None) -> str:
    """Return what to ask before a training that may not find the memory it needs; else nothing."""
    if need is None or need.is_enough:
        return ""
    return (
        f"This needs about {need.needed_mb:,} MB, and {need.free_mb:,} MB are free. Lower batch, "
        "or the size of images, under Options. Begin all the same?"
    )


def advice(error: Exception, saved_step: int) -> str:
    """Say what went wrong, and what is kept."""
    known = isinstance(error, (UmisFusionError, OSError))
    what = (
        str(error) if known else f"This is a mistake of the plugin's, please report it: {error!r}"
    )
    if isinstance(error, BusyError):
        return what
    if not saved_step:
        return f"{what} No checkpoint had been made yet."
    if isinstance(error, DeviceError):
        return (
            f"{what} The checkpoint of step {saved_step} is kept, but Continue last training needs "
            "as much memory again: close other programs first, or begin anew with less."
        )
    return f"{what} The checkpoint of step {saved_step} is kept: Continue last training."


def release(parts: dict[str, Any]) -> None:
    """Suspend the training and forget the viewer, also where Qt has taken the widget away."""
    if parts["_is_closed"]:
        return
    parts["_is_closed"] = True
    job = parts["job"]
    if job is not None and job.suspend_and_wait():
        show_info(
            f"The training is suspended at step {job.step}. Open Train network again, and press "
            "Continue last training."
        )
    for name in ("data", "setup", "region", "result", "models"):
        with contextlib.suppress(RuntimeError):  # Qt may have taken it away
            parts[name].release()
