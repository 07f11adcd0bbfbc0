"""Turn the state of a training that has no session into a session, to go on with it."""

import os
import shutil
import uuid
from pathlib import Path

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.training.data import ImageSet, split_images
from napari_umis_fusion.training.loop import load_state
from napari_umis_fusion.training.session._session import TrainingSession


def adopt_state(
    state: Path,
    images: ImageSet,
    *,
    name: str,
    start: str | os.PathLike[str] | None = None,
    parent: str = "",
    curve: Path | None = None,
) -> TrainingSession:
    """Put a session in the place of a file that `train` saved on its own.

    Until the session is whole the file stays as it is; the session then has its name.

    Parameters
    ----------
    state : Path
        The file. It holds neither images nor the weights that training started from.
    images : ImageSet
        What it was trained on.
    name, start, parent
        As `TrainingSession.create` takes them.
    curve : Path, optional
        Losses so far as .csv, for files of before the state held them.

    Raises
    ------
    CheckpointError
        If the file is no state, or the session cannot be written.
    ConfigError
        If it was trained on other images.
    """
    state = state.absolute()
    kept = load_state(state)
    # before anything is written: what cannot go on stays as it is
    kept.check_data(state, split_images(images, kept.config).describe())
    made = state.with_name(f".{uuid.uuid4().hex[:12]}-{state.name}")
    session = TrainingSession.create(
        kept.config, name=name, start=start, parent=parent, folder=made
    )
    try:
        session.keep(images)
        shutil.copyfile(state, session.state)
        if curve is not None and curve.is_file():
            shutil.copyfile(curve, session.old_curve)
        state.unlink()
        made.rename(state)
    except OSError as error:
        raise CheckpointError(
            f"{state}: no session can be made of it ({error.strerror or error}); make room"
        ) from error
    finally:
        if state.exists():  # as file or as session
            shutil.rmtree(made, ignore_errors=True)
    return TrainingSession(state)
