"""How a training ended and what it gained, in words that window and command line share."""

from napari_umis_fusion.training._result import Comparison, Reason, Verdict

REASONS: dict[Reason, str] = {
    "done": "all steps were made",
    "no_gain": "validation did not gain any more",
    "not_finite": "the loss became infinite or not a number: the last good weights are kept; lower "
    "the learning rate",
    "stopped": "it was told to stop; the best weights so far are kept",
}
"""Why training ended."""

_VERDICTS: dict[Verdict, str] = {
    "better": "better than {baseline}",
    "worse": "worse than {baseline}",
    "unclear": "no clear difference from {baseline}",
}


def describe_verdict(comparison: Comparison) -> str:
    """Say whether the outcome is better than the start."""
    return _VERDICTS[comparison.verdict].format(baseline=comparison.baseline)


def describe_gain(comparison: Comparison) -> str:
    """Say by how much, and on what that was measured."""
    unseen = "images that training did not see"
    if not comparison.unseen:
        unseen = "the images that validation chose the weights by (there were too few for more)"
    return (
        f"{comparison.gain_db:+.2f} ± {comparison.gain_error_db:.2f} dB, higher on "
        f"{comparison.better} of {comparison.stacks} stacks rendered from {unseen}"
    )
