"""What fine-tuning gains on one's own stacks, and what it forgets elsewhere.

    python benchmarks/fine_tune.py STACK ... --elsewhere IMAGES [--specimen opaque] [--planes 11]
        [--steps 80] [--keep 0 4] [--seeds 3]

Each seed splits the regions of the stacks anew, trains with the recipe of `fine_tune` and each
`keep_weight`, and takes the weights of the last step, whatever validation finds of them. The rows
hold the change in PSNR of the weighted mean against the initial weights, as mean and standard error
over stacks rendered from regions that training did not see, and from single images of another kind.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_umis_fusion.network import load_checkpoint, shipped_weights
from napari_umis_fusion.training import TrainingConfig, TrainingData
from napari_umis_fusion.training.data import ImageSet, collect_images, split_images
from napari_umis_fusion.training.loop import load_state, train_to_end
from napari_umis_fusion.training.objectives import SelectObjective

EXAMPLES = 24
FIRST_EXAMPLE = 1000
"""Number of the first rendered stack: validation, which chooses, uses those from 0 on."""

START = shipped_weights("plane-ranker")
Score = Callable[[Mapping[str, Tensor]], NDArray[np.float64]]


def scorer(images: ImageSet, config: TrainingConfig) -> Score:
    """Return a function that scores weights on stacks rendered from images, in dB."""
    model = load_checkpoint(START).model().eval()
    objective = SelectObjective(config.replace(keep_weight=0.0), images, images, model)
    numbers, cpu = range(FIRST_EXAMPLE, FIRST_EXAMPLE + EXAMPLES), torch.device("cpu")

    def score(weights: Mapping[str, Tensor]) -> NDArray[np.float64]:
        model.load_state_dict(dict(weights))
        examples = [objective.validate_example(k, cpu) for k in numbers]
        return np.array([one.metrics["psnr_weighted"] for one in examples])

    return score


def last_weights(images: ImageSet, config: TrainingConfig) -> Mapping[str, Tensor]:
    """Train; return the weights of the last step."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "training.state"
        train_to_end(images, config.replace(test_share=0.0), start=START, state=state)
        return load_state(state).weights


def told(change: NDArray[np.float64]) -> str:
    """Return mean, standard error and the worst stack."""
    error = change.std(ddof=1) / len(change) ** 0.5
    return f"{change.mean():+.3f} ± {error:.3f} ({change.min():+.2f})"


def main() -> None:
    """Train with each seed and weight, and print the rows of a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stacks", nargs="+")
    parser.add_argument("--elsewhere", required=True)
    parser.add_argument("--specimen", default="any")
    parser.add_argument("--planes", type=int, default=0)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--keep", type=float, nargs="+", default=[0.0, 4.0])
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    images = collect_images(TrainingData(stacks=given.stacks))
    recipe = TrainingConfig.fine_tuning(
        specimen=given.specimen, planes=given.planes, steps=given.steps, minutes=0.0,
        validate_every=given.steps,
    )  # fmt: skip
    elsewhere = scorer(collect_images(given.elsewhere), recipe.replace(specimen="any", planes=0))
    initial = load_checkpoint(START).state_dict
    before = elsewhere(initial)
    print("| seed | keep_weight | own regions, dB (worst) | elsewhere, dB (worst) |")
    print("|---|---|---|---|")
    for seed in range(given.seeds):
        config = recipe.replace(seed=seed)
        split = split_images(images, config)
        own = scorer(split.test, config)
        own_before = own(initial)
        rest = images.part(
            [k for k, name in enumerate(images.names) if name not in split.test.names]
        )
        for keep in given.keep:
            weights = last_weights(rest, config.replace(keep_weight=keep))
            changes = told(own(weights) - own_before), told(elsewhere(weights) - before)
            print(f"| {seed} | {keep:g} | {changes[0]} | {changes[1]} |", flush=True)


if __name__ == "__main__":
    main()
