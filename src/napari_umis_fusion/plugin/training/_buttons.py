"""What can be done with a training: text and tooltip of each button, by its name."""

IDLE = {
    "start": ("Train", "Start a training with the options above."),
    "resume": (
        "Resume last training",
        "Resume the interrupted training. It ends with the same weights as without the "
        "interruption.",
    ),
}
RUNNING = {
    "pause": ("Pause", "Pause after the current step. Nothing is lost."),
    "stop": (
        "Stop and keep the best",
        "Stop now, keep the weights with the best validation so far, and compare them with the "
        "initial weights.",
    ),
    "discard": ("Discard", "Stop now and discard what this training has learnt."),
}
