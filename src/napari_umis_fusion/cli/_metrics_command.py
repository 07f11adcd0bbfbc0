"""``umis-fusion metrics``: quality of a fused image, and the error that each metric rewards."""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion import metrics
from napari_umis_fusion.cli._one_image import open_image
from napari_umis_fusion.cli._report import print_json, print_line
from napari_umis_fusion.cli._stack_input import add_axis_options, index_from
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.metrics import BlackWhite, grey_range_of
from napari_umis_fusion.stack import Plane, Stack

MEANINGS = {
    "psnr": ("dB", "likeness to the truth; blur costs little"),
    "ssim": ("", "likeness of structure, 1 at best; favours smoothing"),
    "index_error": ("planes", "error of the depth, 0 at best; favours smooth maps"),
    "index_share_off": ("of 1", "pixels off by more than a plane; flat regions count, too"),
    "false_edge_rate": ("of 1", "edges of no plane, 0 at best; blur has none"),
    "edge_preservation": (
        "of 0.975",
        "Q^AB/F, edges of the planes kept; favours their mean",
    ),
    "mutual_information": ("bits", "shared with the planes, summed; favours a copy of one plane"),
    "average_gradient": (
        "grey/px",
        "mean gradient, grey 0 to 255; noise and seams raise it",
    ),
    "spatial_frequency": (
        "grey/px",
        "differences of neighbours; noise and seams raise it",
    ),
    "entropy": ("bits", "information of the histogram, 8 at most; noise raises it"),
    "standard_deviation": ("grey", "contrast, grey 0 to 255; noise raises it"),
}
"""Unit of each metric, what it measures and the error it rewards, in the order of the table."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of the metrics.

    Attributes
    ----------
    fused : ndarray of shape (Y, X) or (Y, X, C)
        The all-in-focus image.
    grey_range : (float, float)
        Black and white level of the image, the truth and the stack.
    truth : ndarray of shape (Y, X) or (Y, X, C), or None
        The known all-in-focus image.
    stack : Stack or None
        The stack that was fused.
    index_maps : pair of ndarray of shape (Y, X), or None
        The index map and the true one, in planes.
    """

    fused: Plane
    grey_range: BlackWhite
    truth: Plane | None
    stack: Stack | None
    index_maps: tuple[Plane, Plane] | None


def add_metrics_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "metrics",
        help="Measure the quality of a fused image.",
        description="Measure a fused image: by itself, against its stack, and against a known "
        "truth, as far as these are given. Each number comes with the error that it rewards.",
        allow_abbrev=False,
    )
    parser.add_argument("fused", metavar="FUSED", help="All-in-focus image.")
    parser.add_argument(
        "--stack", metavar="STACK", help="Stack that it was fused from: file or folder."
    )
    parser.add_argument("--truth", metavar="TRUTH", help="Known all-in-focus image.")
    parser.add_argument("--index-map", metavar="P", help="Index map. Needs --true-index-map.")
    parser.add_argument("--true-index-map", metavar="P", help="True depth in planes.")
    parser.add_argument(
        "--range",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="Black and white level (default: the limits of the data type; required for floats).",
    )
    add_axis_options(parser)
    parser.set_defaults(run=run_metrics)


def run_metrics(arguments: argparse.Namespace) -> None:
    """Print every metric that the inputs allow; all inputs are opened before any work."""
    inputs = _open_inputs(arguments)
    values = {
        **_with_truth(inputs),
        **_with_true_index(inputs),
        **_against_stack(inputs),
        **_alone(inputs),
    }
    if arguments.json:
        entries = {name: _json_entry(name, value) for name, value in values.items()}
        print_json({"grey_range": inputs.grey_range, "metrics": entries})
        return
    low, high = inputs.grey_range
    print_line(f"black is {low:g}, white is {high:g}")
    for line in _table(values):
        print_line(line)


def _open_inputs(arguments: argparse.Namespace) -> Inputs:
    if (arguments.index_map is None) != (arguments.true_index_map is None):
        raise ConfigError("--index-map and --true-index-map are compared; give both or neither.")
    stack = None
    if arguments.stack is not None:
        index = index_from(arguments)
        stack = open_stack(arguments.stack, z_axis=arguments.z_axis, index=index)
    truth = None if arguments.truth is None else open_image(arguments.truth).pixels
    fused = open_image(arguments.fused).pixels
    if arguments.range is None:
        _check_same_dtype(fused, {"--truth": truth, "--stack": stack})
    maps = None
    if arguments.index_map is not None:
        both = open_image(arguments.index_map), open_image(arguments.true_index_map)
        maps = both[0].pixels, both[1].pixels
    return Inputs(fused, _grey_range(fused, arguments.range), truth, stack, maps)


def _check_same_dtype(fused: Plane, others: dict[str, Plane | Stack | None]) -> None:
    for option, other in others.items():
        if other is not None and other.dtype != fused.dtype:
            raise StackError(
                f"{option} is {other.dtype}, but the fused image is {fused.dtype}; convert one of "
                "them or, if their black and white levels agree, add --range LOW HIGH."
            )


def _grey_range(fused: Plane, given: list[float] | None) -> BlackWhite:
    if given is not None:
        low, high = given
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ConfigError(
                f"--range {low:g} {high:g}; accepted are two numbers, black and a higher white."
            )
        return low, high
    if not np.issubdtype(fused.dtype, np.integer) and fused.dtype != bool:
        raise ConfigError(
            f"the fused image is {fused.dtype}, whose black and white levels are unknown; add "
            "--range LOW HIGH."
        )
    return grey_range_of(fused, None)


def _with_truth(inputs: Inputs) -> dict[str, float]:
    if inputs.truth is None:
        return {}
    low, high = inputs.grey_range
    return {
        "psnr": metrics.psnr(inputs.fused, inputs.truth, data_range=high - low),
        "ssim": metrics.ssim(inputs.fused, inputs.truth, data_range=high - low),
    }


def _with_true_index(inputs: Inputs) -> dict[str, float]:
    if inputs.index_maps is None:
        return {}
    deviation = metrics.index_error(*inputs.index_maps)
    return {"index_error": deviation.mean_planes, "index_share_off": deviation.share_off}


def _against_stack(inputs: Inputs) -> dict[str, float]:
    if inputs.stack is None:
        return {}
    measures = (metrics.false_edge_rate, metrics.edge_preservation, metrics.mutual_information)
    return {
        measure.__name__: measure(inputs.fused, inputs.stack, grey_range=inputs.grey_range)
        for measure in measures
    }


def _alone(inputs: Inputs) -> dict[str, float]:
    measures = (
        metrics.average_gradient,
        metrics.spatial_frequency,
        metrics.entropy,
        metrics.standard_deviation,
    )
    return {
        measure.__name__: measure(inputs.fused, grey_range=inputs.grey_range)
        for measure in measures
    }


def _json_entry(name: str, value: float) -> dict[str, Any]:
    """Return a metric as JSON, which has no infinity, the PSNR of equal images."""
    unit, hint = MEANINGS[name]
    return {"value": value if np.isfinite(value) else None, "unit": unit, "hint": hint}


def _table(values: dict[str, float]) -> list[str]:
    rows = [("metric", "value", "unit", "what it measures; the error it rewards")]
    rows += [(name, f"{value:.4g}", *MEANINGS[name]) for name, value in values.items()]
    return [f"{name:<18}  {value:>7}  {unit:<8}  {hint}" for name, value, unit, hint in rows]
