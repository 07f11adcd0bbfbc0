"""The session that ``umis-fusion train`` works in: a new one, or one to go on with."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.cli._options import given_options
from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.models.library import find_weights
from napari_umis_fusion.training import TrainingConfig, is_session, state_file

if TYPE_CHECKING:
    from napari_umis_fusion.training.data import ImageSet
    from napari_umis_fusion.training.session import TrainingSession

Gather = Callable[[Any], "ImageSet"]


def create_session(
    arguments: argparse.Namespace, config: TrainingConfig, folder: Path
) -> "TrainingSession":
    """Begin a session in a folder of its own."""
    from napari_umis_fusion.training.session import TrainingSession

    if not arguments.data:
        raise ConfigError("there is nothing to train on; give DATA: folders of images, or images.")
    paths = [str(Path(path).absolute()) for path in arguments.data]
    return TrainingSession.create(config, folder=folder, data=paths, **_origin(arguments))


def session_to_resume(
    arguments: argparse.Namespace, wanted: TrainingConfig, files: Any, gather: Gather
) -> "TrainingSession | None":
    """Return the session that ``--resume`` means; None if there is none yet.

    Parameters
    ----------
    arguments : Namespace
        Of the command.
    wanted : TrainingConfig
        That they describe.
    files : Files
        Where the state is, and the curve.
    gather : callable
        Makes images of data, for states of before there were sessions.

    Raises
    ------
    ConfigError
        If it was begun with other options, data or weights than those that are given.
    CheckpointError
        If nothing can be read there.
    """
    from napari_umis_fusion.training.loop import MAY_CHANGE
    from napari_umis_fusion.training.session import TrainingSession, last_session

    if is_session(files.state):
        session = TrainingSession(files.state)
    elif files.state.exists():
        return _adopted(arguments, wanted, files, gather)
    elif arguments.data:
        return None
    else:
        found = last_session()
        if found is None:
            raise CheckpointError(
                f"{files.state} does not exist, and no training was interrupted in napari; give "
                "DATA to begin one, or the --state of one"
            )
        session = found
    _check_options(arguments, wanted, session.folder, session.config)
    _check_given(arguments, session)
    given = given_options(arguments, TrainingConfig)
    changes = {name: given[name] for name in MAY_CHANGE if name in given}
    session.config = session.config.replace(**changes)
    return session


def data_of(arguments: argparse.Namespace) -> Any:
    """Return what is trained on, as a session takes it."""
    from napari_umis_fusion.training.data import TrainingData

    own = arguments.own_stacks
    return TrainingData(stacks=arguments.data) if own else TrainingData(arguments.data)


def _origin(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the name of the outcome, and the weights to start from with theirs."""
    from napari_umis_fusion.network import load_checkpoint, shipped_weights

    start = find_weights(arguments.start) if arguments.start else None
    if arguments.own_stacks and start is None:
        start = str(shipped_weights("plane-ranker"))
    parent = load_checkpoint(start).metadata.get("name", "") if start else ""
    return {"name": Path(arguments.output).stem, "start": start, "parent": str(parent)}


def _adopted(
    arguments: argparse.Namespace, wanted: TrainingConfig, files: Any, gather: Gather
) -> "TrainingSession":
    """Make a session of a state that was saved on its own, by an earlier version or a script."""
    from napari_umis_fusion.training.loop import load_state
    from napari_umis_fusion.training.session import adopt_state

    kept = load_state(files.state).config
    _check_options(arguments, wanted, files.state, kept)
    if not arguments.data:
        raise ConfigError(f"{files.state} holds no images; give the DATA that it was trained on.")
    images = gather(data_of(arguments))
    return adopt_state(files.state, images, curve=files.csv, **_origin(arguments))


def _check_options(
    arguments: argparse.Namespace, wanted: TrainingConfig, where: Path, kept: TrainingConfig
) -> None:
    """Refuse options that are given and differ; a whole config if one is given."""
    from napari_umis_fusion.training.loop import check_options

    given = given_options(arguments, TrainingConfig)
    if arguments.config or arguments.reference or arguments.own_stacks:
        given = wanted.as_dict()
    check_options(where, kept, given)


def _check_given(arguments: argparse.Namespace, session: "TrainingSession") -> None:
    """Refuse other data, and other weights to start from, than it was begun with."""
    paths = tuple(str(Path(path).absolute()) for path in arguments.data)
    if paths and set(paths) != set(session.data):
        held = ", ".join(session.data) or "images that it keeps itself"
        raise ConfigError(
            f"{session.folder} belongs to a training on {held}; leave DATA out to go on with it."
        )
    if arguments.start:
        from napari_umis_fusion.network import load_checkpoint

        if load_checkpoint(find_weights(arguments.start)).sha256 != session.origin.parent_sha256:
            began = session.origin.parent or "nothing"
            raise ConfigError(
                f"{session.folder} belongs to a training that started from {began}; leave --start "
                "out to go on with it."
            )


def state_path(text: str) -> Path:
    """Return the path that ``--state`` names: of a session also by the state in it."""
    path = Path(text).absolute()
    return path.parent if is_session(path.parent) and path == state_file(path.parent) else path
