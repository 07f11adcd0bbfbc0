"""Convert the state file of a training without a session to a session, to resume it."""

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
    initial_weights: str | os.PathLike[str] | None = None,
    initial_name: str = "",
    curve: Path | None = None,
) -> TrainingSession:
    """Replace a state file of `train` by a session.

    The file stays until the session is complete; the session then gets its name.

    Parameters
    ----------
    state : Path
        The file. It contains neither the images nor the initial weights.
    images : ImageSet
        The training images.
    name, initial_weights, initial_name
        As for `TrainingSession.create`.
    curve : Path, optional
        Losses so far as .csv, for old files that do not contain them.

    Raises
    ------
    CheckpointError
        If the file is not the state of a training, or the session cannot be written.
    ConfigError
        If it was trained on other images.
    """
    state = state.absolute()
    kept = load_state(state)
    # before anything is written: a state that cannot be resumed stays unchanged
    kept.check_data(state, split_images(images, kept.config).describe())
    # beside the file: renaming is atomic only within one file system
    made = state.with_name(f".{uuid.uuid4().hex[:12]}-{state.name}")
    session = TrainingSession.create(
        kept.config,
        name=name,
        initial_weights=initial_weights,
        initial_name=initial_name,
        folder=made,
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
            f"{state}: cannot be made a session ({error.strerror or error}); free some space"
        ) from error
    finally:
        if state.exists():  # as file or as session
            shutil.rmtree(made, ignore_errors=True)
    return TrainingSession(state)
