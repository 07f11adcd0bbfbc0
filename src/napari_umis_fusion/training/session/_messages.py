"""Messages on the end and the gain of a training, for widget and command line."""

from napari_umis_fusion.training._result import Comparison, Reason, Verdict

REASONS: dict[Reason, str] = {
    "done": "all steps were made",
    "no_gain": "the validation score did not improve any more",
    "not_finite": "the loss became infinite or not a number: the last finite weights are kept; "
    "lower the learning rate",
    "stopped": "it was stopped; the best weights so far are kept",
}
"""Why training ended."""

OTHER_SPECIMENS = (
    "For other specimens, keep the initial weights: training forgets what its images do not show."
)
"""Said of every result that is kept."""

_VERDICTS: dict[Verdict, str] = {
    "better": "better than {name}",
    "worse": "worse than {name}",
    "unclear": "no significant difference from {name}",
}


def describe_verdict(comparison: Comparison) -> str:
    """Return whether the result is better than the initial weights, as text."""
    return _VERDICTS[comparison.verdict].format(name=comparison.initial_name)


def describe_gain(comparison: Comparison) -> str:
    """Return the gain, and the images on which it was measured, as text."""
    unseen = "images that training did not see"
    if not comparison.unseen:
        unseen = "the validation set, which selected the weights (too few images for a test set)"
    return (
        f"{comparison.gain_db:+.2f} ± {comparison.gain_error_db:.2f} dB, higher on "
        f"{comparison.better} of {comparison.stacks} stacks rendered from {unseen}"
    )
