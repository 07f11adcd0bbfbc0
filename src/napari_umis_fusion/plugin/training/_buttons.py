"""What can be done with a training: text and tooltip of each button, by its name."""

IDLE = {
    "start": ("Train", "Begin with what is chosen above."),
    "resume": (
        "Continue last training",
        "Resume the training that was interrupted, to the same weights as without that.",
    ),
}
RUNNING = {
    "pause": ("Pause", "Rest after the step that is under way; nothing is lost."),
    "stop": (
        "Stop and keep the best",
        "End now, keep the weights that validated best so far, and compare them.",
    ),
    "discard": ("Discard", "End now and throw away what this training has learnt."),
}
