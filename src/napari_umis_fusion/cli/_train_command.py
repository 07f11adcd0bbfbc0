"""``umis-fusion train``: train weights on images, with a loss curve."""

import argparse
import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.cli._options import add_config_options, given_options
from napari_umis_fusion.cli._report import format_numbers, print_json, print_line
from napari_umis_fusion.cli._train_session import (
    create_session,
    data_of,
    session_to_resume,
    state_path,
)
from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.runtime import first_same, user_path
from napari_umis_fusion.training import TrainingConfig, is_curve_file, is_session
from napari_umis_fusion.training.session import load_config

if TYPE_CHECKING:
    from napari_umis_fusion.cli._training_report import TrainingReport
    from napari_umis_fusion.training import TrainingResult
    from napari_umis_fusion.training.data import ImageSet
    from napari_umis_fusion.training.session import TrainingSession

NOT_BETTER = "weights: not saved, because none were better than the initial weights"


@dataclass(frozen=True, slots=True)
class Files:
    """Files to write; absolute paths."""

    weights: Path
    state: Path
    csv: Path
    png: Path


def add_train_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="Train a network on your own sharp images.",
        description="Train a network without labels on sharp images: folders, including "
        "subfolders, or files. Use --resume to resume an interrupted training, also one of napari.",
        allow_abbrev=False,
    )
    _add_files(parser)
    parser.add_argument(
        "--reference", action="store_true", help="Use the published recipe of UMIS-Fusion."
    )
    parser.add_argument(
        "--own-stacks",
        action="store_true",
        help="Treat DATA as z-stacks: fine-tune trained weights on them within minutes, and save "
        "the result only if it is better than the initial weights on held-out parts of the "
        "stacks.",
    )
    add_config_options(parser, TrainingConfig, "training options")
    parser.set_defaults(run=run_train)


def _add_files(parser: argparse.ArgumentParser) -> None:
    """Add the files that a training reads and writes."""
    parser.add_argument(
        "data",
        nargs="*",
        metavar="DATA",
        help="Folders of images, or image files.",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="WEIGHTS",
        help="File for the trained weights (.safetensors).",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="JSON file with the training options, as the training widget or save_config saves it. "
        "Options on the command line override it.",
    )
    parser.add_argument(
        "--start", metavar="FILE", help="Initial weights: a file, or a model of the library."
    )
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        help="Folder for the state that --resume needs (default: beside WEIGHTS, ending in "
        ".state).",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="Resume the interrupted training in --state.",
    )
    parser.add_argument(
        "--curve",
        metavar="PREFIX",
        help="Prefix of the loss curve, written as PREFIX.csv and PREFIX.png (default: beside "
        "WEIGHTS, ending in -loss).",
    )


def run_train(arguments: argparse.Namespace) -> None:
    """Train as the arguments say; all outputs are checked before any work."""
    config = training_config_from(arguments)
    files = _files(arguments)
    from napari_umis_fusion.cli._training_report import TrainingReport

    report = TrainingReport(files.csv, quiet=arguments.json)
    session = None
    try:
        with report:
            session = _open(arguments, config, files, report)
            data = None if session.can_resume else data_of(arguments)
            with closing(session.train(data)) as events:
                result = report.run(events, session.curve)
    except KeyboardInterrupt:
        report.curve.save_csv(files.csv)
        # before the first checkpoint: nothing to resume, and the folder would block a retry
        if session is not None and not arguments.resume and not session.state.exists():
            session.discard()
        # main() prints this text and returns exit code 130
        raise KeyboardInterrupt(_how_to_resume(report.step, session)) from None
    if result.improved:
        session.save_result(result, files.weights)
    report.curve.save_csv(files.csv)
    report.curve.save_png(files.png)
    session.discard()  # nothing is left to resume
    if arguments.json:
        print_json(_as_json(result, files, report))
        return
    for line in _summary(result, files):
        print_line(line)


def _open(
    arguments: argparse.Namespace, config: TrainingConfig, files: Files, report: "TrainingReport"
) -> "TrainingSession":
    """Return the session to resume, or a new one."""
    from napari_umis_fusion.training.data import iter_collect

    if not arguments.resume:
        return create_session(arguments, config, files.state)

    def collect(data: Any) -> "ImageSet":
        with closing(iter_collect(data)) as events:
            return report.prepare(events)

    session = session_to_resume(arguments, config, files, collect)
    if session is None:
        report.write_line(f"note: {files.state} does not exist: training starts at the first step")
        return create_session(arguments, config, files.state)
    if session.folder != files.state:
        report.write_line(f"resuming {session.origin.name!r} in {session.folder}")
    return session


def training_config_from(arguments: argparse.Namespace) -> TrainingConfig:
    """Return the config of the given options.

    Raises
    ------
    ConfigError
        If a value is out of bounds or options contradict each other.
    """
    given = given_options(arguments, TrainingConfig)
    if arguments.config and arguments.reference:
        raise ConfigError("--config and --reference both set the options; leave out one of them.")
    if arguments.config:
        return load_config(arguments.config, **given)
    if arguments.own_stacks and arguments.reference:
        raise ConfigError("--own-stacks trains the network of 'learned'; leave out --reference.")
    if arguments.own_stacks:
        return TrainingConfig.fine_tuning(**given)
    objective = given.get("objective", "reconstruct" if arguments.reference else "select")
    if objective == "reconstruct":
        return TrainingConfig.reference(**given)
    if arguments.reference:
        raise ConfigError("--reference uses the objective 'reconstruct'; leave out --objective.")
    return TrainingConfig(**given)


def _files(arguments: argparse.Namespace) -> Files:
    weights = user_path(arguments.output).absolute()
    if weights.suffix != ".safetensors":
        raise CheckpointError(f"{weights}: weights are saved as .safetensors; change the extension")
    curve = user_path(arguments.curve or weights.with_name(f"{weights.stem}-loss")).absolute()
    state = state_path(arguments.state or str(weights.with_suffix(".state")))
    csv, png = (curve.with_name(curve.name + suffix) for suffix in (".csv", ".png"))
    files = Files(weights, state, csv, png)
    for path in (weights, state, csv, png):
        if not path.parent.is_dir() or (path.is_dir() and not is_session(path)):
            raise CheckpointError(f"{path}: no file can be written there; create its folder first")
    _check_apart(files, arguments)
    return files


def _check_apart(files: Files, arguments: argparse.Namespace) -> None:
    """Refuse to write a picture among the images, or to overwrite what is not ours to replace."""
    inputs = [*arguments.data, *filter(None, (arguments.start, arguments.config))]
    for path in (files.weights, files.state, files.csv, files.png):
        if first_same(path, inputs):
            raise ConfigError(
                f"{path}: is an input, which is never overwritten; choose another name."
            )
    for path in (files.csv, files.png):
        if path.exists() and not is_curve_file(path):
            raise ConfigError(
                f"{path}: exists, and is no loss curve; move it away, or give another --curve."
            )
    if any(
        files.png.resolve().is_relative_to(user_path(data).resolve()) for data in arguments.data
    ):
        raise ConfigError(
            f"{files.png} would lie among the images, and the next training would use it; put "
            "--output or --curve into another folder."
        )
    if files.state.exists() and not arguments.resume:
        raise ConfigError(
            f"{files.state} holds an interrupted training; add --resume to resume it, give another "
            "--state, or delete it."
        )


def _how_to_resume(step: int, session: "TrainingSession | None") -> str:
    from napari_umis_fusion.training.loop import load_state

    if session is None or not session.state.exists():
        return f"training stopped at step {step}: nothing was saved"
    return (
        f"training stopped at step {step}; repeat the command with --resume to continue from step "
        f"{load_state(session.state).step}, saved in {session.folder}"
    )


def _as_json(result: "TrainingResult", files: Files, report: "TrainingReport") -> dict[str, Any]:
    return {
        "weights": files.weights if result.improved else None,
        "start_metrics": result.start_metrics,
        "curve": {"csv": files.csv, "png": files.png},
        "step": result.step,
        "steps_done": result.steps_done,
        "metrics": {k: v if math.isfinite(v) else None for k, v in result.metrics.items()},
        "reason": result.reason,
        "data": dict(result.data),
        "comparison": result.comparison.as_dict() if result.comparison else None,
        "findings": report.findings,
        "left_out": report.left_out,
    }


def _summary(result: "TrainingResult", files: Files) -> list[str]:
    scores = format_numbers(result.metrics) or "never validated"
    initial = []
    if result.start_metrics:
        initial = [f"initial weights: {format_numbers(result.start_metrics)}"]
    from napari_umis_fusion.training.session import (
        OTHER_SPECIMENS,
        REASONS,
        describe_gain,
        describe_verdict,
    )

    compared = []
    if result.comparison is not None:
        words = describe_verdict(result.comparison), describe_gain(result.comparison)
        compared = [f"compared: {', '.join(words)}"]
        compared += [f"note: {OTHER_SPECIMENS}"] if result.improved else []
    weights = f"weights: {files.weights}" if result.improved else NOT_BETTER
    return [
        weights,
        f"loss curve: {files.csv}, {files.png}",
        *initial,
        f"best: step {result.step} of {result.steps_done}: {scores}",
        *compared,
        f"ended: {REASONS[result.reason]}",
    ]
