"""How a training ends in the window, in words, and how the window lets go of it."""

import contextlib
from typing import Any

from napari.utils.notifications import show_info

from napari_umis_fusion.errors import DeviceError, UmisFusionError

NOT_KEPT = (
    "The outcome of the last training is not kept yet. It comes back with Continue last training "
    "once the new training is settled. Begin all the same?"
)

ENDED = {
    "kept": "The outcome stands below. Nothing is used until you say so.",
    "suspended": "Suspended; Continue last training goes on where it stands.",
    "discarded": "Discarded; nothing of this training is left.",
}


def advice(error: Exception, saved_step: int) -> str:
    """Say what went wrong, and what is kept."""
    known = isinstance(error, (UmisFusionError, OSError))
    what = (
        str(error) if known else f"This is a mistake of the plugin's, please report it: {error!r}"
    )
    if not saved_step:
        return f"{what} No checkpoint had been made yet."
    if isinstance(error, DeviceError):
        return (
            f"{what} The checkpoint of step {saved_step} is kept, but Continue last training needs "
            "as much memory again: close other programs first, or begin anew with less."
        )
    return f"{what} The checkpoint of step {saved_step} is kept: Continue last training."


def let_go(parts: dict[str, Any]) -> None:
    """Suspend the training and forget the viewer, also where Qt has taken the widget away."""
    if parts["_is_shut"]:
        return
    parts["_is_shut"] = True
    task = parts["task"]
    if task is not None and task.suspend_and_wait():
        show_info(
            f"The training is suspended at step {task.step}. Open Train network again, and press "
            "Continue last training."
        )
    for name in ("data", "setup", "region", "outcome", "models"):
        with contextlib.suppress(RuntimeError):  # Qt may have taken it away
            parts[name].let_go()
