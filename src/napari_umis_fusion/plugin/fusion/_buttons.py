"""Texts and tooltips of the buttons of a fusion."""

IDLE = {"start": ("Fuse", "Fuse the selected stack into an all-in-focus image and maps.")}
RUNNING = {
    "pause": ("Pause", "Pause after the current step. Nothing is lost."),
    "cancel": ("Cancel", "Stop, and leave all layers unchanged."),
}
