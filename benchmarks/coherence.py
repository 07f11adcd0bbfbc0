"""How coherent the fused image of `laplacian` is, by consistency verification and blend.

See ``README.md`` for what the tables mean. Everything printed is Markdown.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.sharpness import focus_of, shown_focus, total
from harness.tables import heading, table
from harness.truths import Example, Source, real, rendered
from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.metrics import false_edge_rate, psnr, ssim

DEFAULT_STACKS = Path(__file__).parents[1] / "tests" / "data" / "stacks"


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to fuse: options of `fuse`, and whether the planes come last first."""

    options: dict[str, Any]
    backwards: bool = False


SMOOTHNESS = sorted({0.5, 2.0, 5.0, 8.0, 20.0, FusionConfig().seam_smoothness})

DEFAULT = f"seams {FusionConfig().seam_smoothness:g}"

CHOICES: dict[str, Choice] = {
    "none": Choice({"verification": "none"}),
    "mode": Choice({"verification": "mode"}),
    **{
        f"seams {smoothness:g}": Choice({"seam_smoothness": smoothness})
        for smoothness in SMOOTHNESS
    },
    "backwards": Choice({}, backwards=True),
    "weighted": Choice({"blend": "weighted"}),
}


@dataclass(slots=True)
class Fused:
    """What a choice made of a stack; `retained` sums the focus of the planes it chose."""

    all_in_focus: NDArray[Any]
    index_map: NDArray[np.uint16]
    retained: float = 0.0


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one stack: per metric, per choice."""

    source: Source
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)


METRICS = {
    "false edges": ("False-edge rate, %", "{:.3f}"),
    "retained": ("Retained focus: the chosen planes' against the best planes', %", "{:.2f}"),
    "shown": ("Shown focus: the fused image's, up to the best planes', %", "{:.2f}"),
    "moved": ("Pixels whose plane differs from the default's, %", "{:.1f}"),
    "psnr": ("PSNR, dB", "{:.2f}"),
    "ssim": ("SSIM", "{:.4f}"),
}


def fuse_by(choice: Choice, stack: NDArray[Any]) -> Fused:
    """Fuse a stack; indices count from its first plane, also where it is taken backwards."""
    config = FusionConfig("laplacian", blend="select").replace(**choice.options)
    result = fuse(stack[::-1] if choice.backwards else stack, config)
    index = result.index_map
    if choice.backwards:
        index = (len(stack) - 1 - index).astype(np.uint16)
    return Fused(result.all_in_focus, index)


def score(source: Source, names: Iterable[str]) -> Scores:
    """Fuse one stack by each choice and score it."""
    example = source.load()
    fused = {name: fuse_by(CHOICES[name], example.stack) for name in names}
    best = best_focus(example, fused)
    metrics: dict[str, dict[str, float]] = {metric: {} for metric in METRICS}
    for name, one in fused.items():
        metrics["retained"][name] = 100 * one.retained / total(best)
        metrics["shown"][name] = 100 * shown_focus(one.all_in_focus, best, example.grey_range)
        rate = false_edge_rate(one.all_in_focus, example.stack, grey_range=example.grey_range)
        metrics["false edges"][name] = 100 * rate
        if DEFAULT in fused:
            moved = one.index_map != fused[DEFAULT].index_map
            metrics["moved"][name] = 100 * float(moved.mean())
        for metric, value in _against_truth(one, example):
            metrics[metric][name] = value
    return Scores(source, metrics)


def best_focus(example: Example, fused: dict[str, Fused]) -> NDArray[np.float32]:
    """Return the highest focus of any plane, and add up in `fused` what each choice retained."""
    best = np.zeros(example.stack.shape[1:3], np.float32)
    for z, plane in enumerate(example.stack):
        focus = focus_of(plane, example.grey_range)
        np.maximum(best, focus, out=best)
        for one in fused.values():
            one.retained += total(focus[one.index_map == z])
    return best


def _against_truth(fused: Fused, example: Example) -> Iterator[tuple[str, float]]:
    if example.truth is None:
        return
    low, high = example.grey_range
    yield "psnr", psnr(fused.all_in_focus, example.truth, data_range=high - low)
    yield "ssim", ssim(fused.all_in_focus, example.truth, data_range=high - low)


def print_metric(metric: str, scores: list[Scores], names: list[str]) -> None:
    """Print one table: stacks down, choices across, and the mean of each kind of stack."""
    title, form = METRICS[metric]
    known = [s for s in scores if s.metrics[metric]]
    if not known:
        return
    rows = [
        (s.source.name, *(form.format(s.metrics[metric][name]) for name in names)) for s in known
    ]
    for kind in dict.fromkeys(s.source.kind for s in known):
        of_kind = [s.metrics[metric] for s in known if s.source.kind == kind]
        means = (float(np.mean([found[name] for found in of_kind])) for name in names)
        rows.append((f"**mean, {kind}**", *map(form.format, means)))
    print(heading(title))
    print(table(("stack", *names), rows))


def main() -> None:
    """Run what the command line asks for."""
    options = _parser().parse_args()
    sources = [] if options.real_only else rendered(options.side)
    if not options.rendered_only:
        found = real(options.stacks)
        if not found:
            print(f"- no real stacks in {options.stacks}: left out (--stacks FOLDER)")
        sources += found
    wanted = [s for s in sources if any(part in s.name for part in options.only)]
    scores = [score(source, options.choices) for source in wanted]
    for metric in METRICS:
        print_metric(metric, scores, options.choices)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--stacks", type=Path, default=DEFAULT_STACKS, help="folder of real stacks")
    add("--choices", nargs="+", choices=CHOICES, default=list(CHOICES), help="how to fuse")
    add("--only", nargs="+", default=[""], metavar="NAME", help="stacks whose name has one of")
    add("--side", type=int, default=512, help="width of the rendered stacks, in px")
    add("--rendered-only", action="store_true", help="leave the real stacks out")
    add("--real-only", action="store_true", help="leave the rendered stacks out")
    return parser


if __name__ == "__main__":
    main()
