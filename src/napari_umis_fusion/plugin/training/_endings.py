"""Messages at the start and end of a training, and what happens when its widget closes."""

from typing import Any

from napari.utils.notifications import show_info

from napari_umis_fusion.errors import BusyError, DeviceError, UmisFusionError
from napari_umis_fusion.plugin.widgets import release_all
from napari_umis_fusion.runtime import sentence_of
from napari_umis_fusion.training.loop import MemoryNeed

NOT_KEPT = (
    "The result of the last training has not been saved. Resume last training brings it back after "
    "the new training. Start anyway?"
)

ENDED = {
    "kept": "The result is shown below. Fusion keeps its current weights until you choose Use.",
    "no better": "No better weights were found: fusion keeps those that it has.",
    "interrupted": "Interrupted. Resume last training continues from here.",
    "discarded": "Discarded. Nothing of this training was kept.",
}


def memory_question(need: MemoryNeed | None) -> str:
    """Return the question before a training that may run out of memory; empty if it will not."""
    if need is None or need.is_enough:
        return ""
    return (
        f"This training needs about {need.needed_mb:,} MB, and {need.free_mb:,} MB are free. Lower "
        "batch, or the size of the images, under Options. Start anyway?"
    )


def error_advice(error: Exception, saved_step: int | None) -> str:
    """Return what went wrong, and which checkpoint remains; there is none before the first step."""
    known = isinstance(error, (UmisFusionError, OSError))
    fault = f"This is an error of the plugin, please report it: {error!r}"
    what = sentence_of(error) if known else fault
    if saved_step is None or isinstance(error, BusyError):
        return what
    if not saved_step:
        return f"{what} No checkpoint had been saved yet."
    if isinstance(error, DeviceError):
        return (
            f"{what} The checkpoint of step {saved_step} is kept, but Resume last training needs "
            "as much memory again: close other programs first, or start a new training with less."
        )
    return f"{what} The checkpoint of step {saved_step} is kept: press Resume last training."


def release(parts: dict[str, Any]) -> None:
    """Interrupt the training of a panel with these attributes, and disconnect it."""
    job, parts["job"] = parts["job"], None
    if job is not None:
        job.blockSignals(True)  # nothing is shown in a panel that is closed
        if job.interrupt_and_wait():
            show_info(
                f"The training was interrupted at step {job.step}. To resume it, open Train "
                "network and press Resume last training."
            )
    release_all(parts, ("data", "setup", "region", "result", "models"))
