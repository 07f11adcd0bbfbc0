"""How the shipped weights were trained further: weak scenes learn, others keep their scores.

    python benchmarks/continue_training.py IMAGES -o weights.safetensors [--start FIRST]

IMAGES is a folder of sharp single images. Every other step renders scenes of all kinds, whose
scores are kept near those of the initial weights; the steps between render what these weights are
weak at, and keep nothing: crowded clean scenes of 8 to 30 planes, and low light. Only the layers
that decide are trained. The result is the mean over the last third of the steps of weights that
are averaged as they change. `weights/plane-ranker.md` says what was gained.
"""

import argparse
import copy
import itertools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from napari_umis_fusion.network import (
    OnnxStackRanker,
    PlaneRanker,
    load_checkpoint,
    save_checkpoint,
    shipped_weights,
)
from napari_umis_fusion.synthetic import Imperfections, Irradiance, StackDistribution, StackSampler
from napari_umis_fusion.training import TrainingConfig
from napari_umis_fusion.training.data import ImageSplit, collect_images, split_images
from napari_umis_fusion.training.objectives import (
    LightPool,
    SelectObjective,
    StackBatch,
    collate,
    divergence,
    network_input,
)

CONFIG = TrainingConfig(
    layers="late", imperfections=0.0, learning_rate=6e-4, keep_weight=8.0, scene_uses=2, threads=2
)
SEED = 7
WARM_UP = 60
"""Steps during which the learning rate rises; afterwards it stays, as the weights are averaged."""

AVERAGED = 0.99
"""Share of the average that each step leaves as it was."""

AHEAD = 3
"""Batches that are made during a step."""

WEAK = StackDistribution(
    planes=(8, 30),
    opaque=0.75,
    fluorescence=0.15,
    brightfield=0.1,
    smears=0.0,
    layers=(3, 6),
    flat_share=0.2,
    lens_blur_share=0.15,
    noise_share=0.3,
    photon_electrons=(60.0, 600.0),
    drift_share=0.15,
    flicker_share=0.1,
    jitter_share=0.05,
    jpeg_share=0.0,
    imperfections=replace(Imperfections().scaled(0), crowded_share=0.5),
)


class Batches:
    """Scenes of all kinds and weak ones in turn, with the features that stay fixed."""

    def __init__(self, sampler_of: dict[str, StackSampler], model: PlaneRanker) -> None:
        self._samplers = sampler_of
        self._early = OnnxStackRanker(model, "compared")
        self._pools = {
            kind: LightPool(lambda number, kind=kind: self._render(kind, number), CONFIG.scene_uses)
            for kind in sampler_of
        }

    def make(self, step: int) -> tuple[bool, StackBatch]:
        """Return whether the scores of a step are kept, and its stacks."""
        kind = ("g", "w")[step % 2]
        lights = self._pools[kind].of_step(step // 2)
        sampler = self._samplers[kind]
        stacks = [sampler.record(light, [SEED, 2, step, k]) for k, light in enumerate(lights)]
        gains = np.random.default_rng([SEED, 3, step]).uniform(-0.2, 1.2, len(stacks))
        batch = collate(stacks, gains)
        return kind == "g", replace(batch, compared=self._early.compare(network_input(batch)))

    def _render(self, kind: str, number: int) -> list[Irradiance]:
        sampler, mark = self._samplers[kind], ord(kind)
        planes = sampler.draw_planes(np.random.default_rng([SEED, number, mark]))
        count = max(1, CONFIG.batch // planes)
        return [sampler.draw_light([SEED, 1, number, k, mark], planes) for k in range(count)]


def iter_batches(batches: Batches, steps: int) -> Iterator[tuple[bool, StackBatch]]:
    """Yield the batches in order, made on another thread."""
    with ThreadPoolExecutor(1) as thread:
        to_come = iter(range(steps))
        made: list[Future[tuple[bool, StackBatch]]] = []
        for _ in range(steps):
            missing = AHEAD + 1 - len(made)
            made += [thread.submit(batches.make, k) for k in itertools.islice(to_come, missing)]
            yield made.pop(0).result()


def train(split: ImageSplit, start: Path, steps: int) -> dict[str, Tensor]:
    """Return the averaged weights."""
    model = load_checkpoint(start).model().to(memory_format=torch.channels_last)
    initial, average = (copy.deepcopy(model).eval().requires_grad_(False) for _ in range(2))
    objective = SelectObjective(CONFIG, split.learn, split.held_out, model)
    samplers = {
        kind: StackSampler(split.learn.images, like, split.learn.sources)
        for kind, like in (("g", StackDistribution()), ("w", WEAK))
    }
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    rate = CONFIG.learning_rate
    optimizer = torch.optim.AdamW(trained, rate, weight_decay=CONFIG.weight_decay, fused=True)
    kept: list[dict[str, Tensor]] = []
    for step, (keeps, batch) in enumerate(iter_batches(Batches(samplers, model), steps)):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / WARM_UP)
        scores = model.decide(batch.compared, batch.planes.shape)
        terms = objective._terms(batch, scores)
        if keeps:
            with torch.no_grad():
                wanted = initial.decide(batch.compared, batch.planes.shape)
            terms["kept"] = CONFIG.keep_weight * divergence(wanted, scores)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(trained, CONFIG.gradient_clip)
        optimizer.step()
        share = min(AVERAGED, (step + 1) / (step + 20))
        with torch.no_grad():
            for mean, weight in zip(average.parameters(), model.parameters(), strict=True):
                mean.lerp_(weight, 1 - share)
        if (step + 1) % 100 == 0 or step + 1 == steps:
            print(step + 1, {name: round(float(term.detach()), 3) for name, term in terms.items()})
            if step + 1 >= steps * 2 / 3:
                kept.append({name: part.clone() for name, part in average.state_dict().items()})
    return {name: sum(one[name] for one in kept) / len(kept) for name in kept[0]}


def validate(split: ImageSplit, start: Path, weights: dict[str, Tensor]) -> dict[str, float]:
    """Return the means of all metrics on stacks of images held out."""
    model = load_checkpoint(start).model().eval()
    model.load_state_dict(weights)
    objective = SelectObjective(CONFIG, split.learn, split.held_out, model)
    numbers, cpu = range(objective.validation_examples), torch.device("cpu")
    metrics = [objective.validate_example(k, cpu).metrics for k in numbers]
    return {name: float(np.mean([one[name] for one in metrics])) for name in metrics[0]}


def main() -> None:
    """Train, validate, and save."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--start", type=Path, default=shipped_weights("plane-ranker"))
    parser.add_argument("--steps", type=int, default=1200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    split = split_images(collect_images(arguments.images), CONFIG)
    weights = train(split, arguments.start, arguments.steps)
    told = {"config": CONFIG.as_dict(), "steps": arguments.steps}
    scores = validate(split, arguments.start, weights)
    save_checkpoint(arguments.output, weights, {**told, "scores": scores})


if __name__ == "__main__":
    main()
