"""The session of ``umis-fusion train``: a new one, or one to resume."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.cli._options import given_options
from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.models.library import find_weights
from napari_umis_fusion.runtime import user_path
from napari_umis_fusion.training import TrainingConfig, is_session, state_file

if TYPE_CHECKING:
    from napari_umis_fusion.training.data import ImageSet
    from napari_umis_fusion.training.session import TrainingSession

Collect = Callable[[Any], "ImageSet"]


def create_session(
    arguments: argparse.Namespace, config: TrainingConfig, folder: Path
) -> "TrainingSession":
    """Create a session in its own folder."""
    from napari_umis_fusion.training.session import TrainingSession

    if not arguments.data:
        raise ConfigError("no training data; give DATA: folders of images, or image files.")
    paths = [str(user_path(path).absolute()) for path in arguments.data]
    return TrainingSession.create(config, folder=folder, data=paths, **_origin(arguments))


def session_to_resume(
    arguments: argparse.Namespace, wanted: TrainingConfig, files: Any, collect: Collect
) -> "TrainingSession | None":
    """Return the session to resume; None if there is none yet.

    Parameters
    ----------
    arguments : Namespace
        Arguments of the command.
    wanted : TrainingConfig
        Config of these arguments.
    files : Files
        Paths of the state and of the curve.
    collect : callable
        Returns the images of data, for state files from before there were sessions.

    Raises
    ------
    ConfigError
        If the session has other options, data or initial weights than those given.
    CheckpointError
        If the state cannot be read.
    """
    from napari_umis_fusion.training.loop import MAY_CHANGE
    from napari_umis_fusion.training.session import TrainingSession, last_session

    if is_session(files.state):
        session = TrainingSession(files.state)
    elif files.state.exists():
        return _adopt(arguments, wanted, files, collect)
    elif arguments.data:
        return None
    else:
        found = last_session()
        if found is None:
            raise CheckpointError(
                f"{files.state} does not exist, and no interrupted training of napari was found; "
                "give DATA to start one, or --state of one"
            )
        session = found
    _check_options(arguments, wanted, session.folder, session.config)
    _check_given(arguments, session)
    given = given_options(arguments, TrainingConfig)
    changes = {name: given[name] for name in MAY_CHANGE if name in given}
    session.config = session.config.replace(**changes)
    return session


def data_of(arguments: argparse.Namespace) -> Any:
    """Return the training data, as a session accepts it."""
    from napari_umis_fusion.training.data import TrainingData

    own = arguments.own_stacks
    return TrainingData(stacks=arguments.data) if own else TrainingData(arguments.data)


def _origin(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the name of the result, and the initial weights with their name."""
    from napari_umis_fusion.network import load_checkpoint, shipped_weights

    start = find_weights(arguments.start) if arguments.start else None
    if arguments.own_stacks and start is None:
        # fine-tuning an untrained network would not be fine-tuning
        start = str(shipped_weights("plane-ranker"))
    name = load_checkpoint(start).metadata.get("name", "") if start else ""
    return {
        "name": Path(arguments.output).stem,
        "initial_weights": start,
        "initial_name": str(name),
    }


def _adopt(
    arguments: argparse.Namespace, wanted: TrainingConfig, files: Any, collect: Collect
) -> "TrainingSession":
    """Convert a single state file, of an earlier version or a script, to a session."""
    from napari_umis_fusion.training.loop import load_state
    from napari_umis_fusion.training.session import adopt_state

    kept = load_state(files.state).config
    _check_options(arguments, wanted, files.state, kept)
    if not arguments.data:
        raise ConfigError(f"{files.state} holds no images; give the DATA of this training.")
    images = collect(data_of(arguments))
    return adopt_state(files.state, images, curve=files.csv, **_origin(arguments))


def _check_options(
    arguments: argparse.Namespace, wanted: TrainingConfig, where: Path, kept: TrainingConfig
) -> None:
    """Refuse given options that differ from those of the session; of a config, all options."""
    from napari_umis_fusion.training.loop import check_options

    given = given_options(arguments, TrainingConfig)
    if arguments.config or arguments.reference or arguments.own_stacks:
        # a whole config was given: defaults count, too
        given = wanted.as_dict()
    check_options(where, kept, given)


def _check_given(arguments: argparse.Namespace, session: "TrainingSession") -> None:
    """Refuse data and initial weights that differ from those of the session."""
    paths = tuple(str(user_path(path).absolute()) for path in arguments.data)
    if paths and set(paths) != set(session.data):
        held = ", ".join(session.data) or "images stored in it"
        raise ConfigError(
            f"{session.folder} belongs to a training on {held}; leave out DATA to resume it."
        )
    if arguments.start:
        from napari_umis_fusion.network import load_checkpoint

        if load_checkpoint(find_weights(arguments.start)).sha256 != session.origin.initial_sha256:
            initial = session.origin.initial_name or "an untrained network"
            raise ConfigError(
                f"{session.folder} belongs to a training with {initial} as initial weights; leave "
                "out --start to resume it."
            )


def state_path(text: str) -> Path:
    """Return the path of ``--state``; the state file of a session stands for its folder."""
    path = user_path(text).absolute()
    return path.parent if is_session(path.parent) and path == state_file(path.parent) else path
