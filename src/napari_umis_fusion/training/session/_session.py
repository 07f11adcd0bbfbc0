"""A training session, which survives the program: a folder with all that the training needs.

| file | content |
|---|---|
| session.json | config, name, origin of the initial weights |
| images.npz | the images without loss: layers and files may be gone when it is resumed |
| start.safetensors | the initial weights |
| training.state | the state with the curve; see `TrainingState` |
| session.lock, owner.json | empty file, locked by the process in charge; the process |

Old sessions, whose state lacks the curve, have it in curve.csv.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Self

from napari_umis_fusion.errors import BusyError, CheckpointError, StackFileError
from napari_umis_fusion.runtime import (
    Workers,
    atomic_write,
    checked,
    expand_events,
    naming_faults,
    read_json,
    repeat_event,
    user_path,
)
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._events import (
    Noted,
    Preparing,
    TrainingEvent,
    TrainingStarted,
)
from napari_umis_fusion.training._loss_curve import LossCurve
from napari_umis_fusion.training._result import TrainingResult
from napari_umis_fusion.training._schema import SessionEntry
from napari_umis_fusion.training._session_folder import (
    ABOUT,
    STATE,
    is_locked,
    link,
    lock_session,
    make_folder,
    no_room,
    session_folders,
    sessions_folder,
    time_name,
    unlink,
)
from napari_umis_fusion.training.data import (
    ImageSet,
    iter_check,
    iter_collect,
    load_images,
    split_images,
)
from napari_umis_fusion.training.session._events import CurveRestored, DataChecked, SessionEvent
from napari_umis_fusion.training.session._origin import Origin

_IMAGES, _START, _CURVE = "images.npz", "start.safetensors", "curve.csv"


class TrainingSession:
    """A training in its own folder.

    Parameters
    ----------
    folder : Path
        Folder of an existing session; see `create` and `last_session`.

    Attributes
    ----------
    config : TrainingConfig
        Options of the training.
    origin : Origin
        Name, and initial weights.
    data : tuple of str
        Absolute paths of the training data, if it consists of files only.
    curve : LossCurve
        Losses and validations so far, filled by `train`.

    Raises
    ------
    CheckpointError
        If the folder contains no session, or a damaged one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.curve = LossCurve()
        with naming_faults(
            folder, CheckpointError, "contains no training", "give the folder of a session"
        ):
            about = checked(SessionEntry, read_json(folder / ABOUT))
            self.config = TrainingConfig.of(about["config"])
            self.origin = Origin.from_dict(about["origin"])
            self.data = tuple(about.get("data", ()))

    @classmethod
    def create(
        cls,
        config: TrainingConfig,
        *,
        name: str,
        initial_weights: str | os.PathLike[str] | None = None,
        initial_name: str = "",
        root: str | os.PathLike[str] | None = None,
        folder: str | os.PathLike[str] | None = None,
        data: Sequence[str] = (),
    ) -> Self:
        """Create a new session.

        Parameters
        ----------
        config : TrainingConfig
            Options of the training.
        name : str
            Name of the result.
        initial_weights : path, optional
            File of the initial weights, copied into the folder; by default the network is
            untrained.
        initial_name : str
            Name of the initial weights; by default that of the file.
        root : path, optional
            Folder of all sessions; by default `sessions_folder`.
        folder : path, optional
            Folder of this session, which must not exist; by default a new one in `root`. Outside
            of `root`, `last_session` finds it once training has started.
        data : sequence of str
            Absolute paths of the training data, to refuse others.

        Raises
        ------
        CheckpointError
            If the weights cannot be loaded, or the folder exists or cannot be written.
        """
        from napari_umis_fusion.network import load_checkpoint, save_checkpoint

        now, root = datetime.now(UTC), user_path(root or sessions_folder())
        where = user_path(folder).absolute() if folder else root / time_name(now)
        checkpoint = load_checkpoint(initial_weights) if initial_weights is not None else None
        sha256 = checkpoint.sha256 if checkpoint else ""
        initial_name = initial_name or (checkpoint.path.stem if checkpoint else "")
        origin = Origin(name, initial_name, sha256, now.isoformat(timespec="seconds"))
        about = {"config": config.as_dict(), "origin": origin.as_dict(), "data": list(data)}
        make_folder(where)
        try:
            if checkpoint is not None:
                header = {**checkpoint.metadata, "name": initial_name}
                save_checkpoint(where / _START, checkpoint.state_dict, header)
            with atomic_write(where / ABOUT) as beside:
                beside.write_text(json.dumps(about, indent=1), "utf-8")
        except BaseException as error:
            # half a session would be found by last_session
            shutil.rmtree(where, ignore_errors=True)
            if isinstance(error, OSError):
                raise CheckpointError(no_room(where, error)) from error
            raise
        return cls(where)

    @property
    def state(self) -> Path:
        """File of the state, once there is a checkpoint."""
        return self.folder / STATE

    @property
    def old_curve(self) -> Path:
        """File of the curve in old sessions."""
        return self.folder / _CURVE

    @property
    def can_resume(self) -> bool:
        """Whether the images are saved, so that it needs no other data."""
        return (self.folder / _IMAGES).is_file()

    def train(
        self,
        data: Any = None,
        *,
        stop: Event | None = None,
        watch: Callable[[], Any] | None = None,
    ) -> Generator[SessionEvent, None, TrainingResult]:
        """Train, or resume an interrupted training, and keep everything in the folder.

        Parameters
        ----------
        data : optional
            As `training.train` accepts it; not needed to resume.
        stop, watch : optional
            As `training.train` accepts them.

        Yields
        ------
        TrainingEvent, CurveRestored, DataChecked
            As `training.train` does; `DataChecked` at the start, `CurveRestored` when resumed.

        Raises
        ------
        BusyError
            If another process or another window uses it.
        UmisFusionError
            As `training.train` raises it.
        """
        is_ours = False
        try:
            with lock_session(self.folder):
                is_ours = True
                link(self.folder, sessions_folder())
                return (yield from self._train(data, stop, watch))
        finally:
            if is_ours and not self.can_resume:  # it contains nothing to resume
                self.discard()

    def keep(self, images: ImageSet) -> None:
        """Save the images, so that it can be resumed without other data.

        Raises
        ------
        StackFileError
            If they cannot be saved.
        """
        images.save(self.folder / _IMAGES)

    def save_result(self, result: TrainingResult, path: str | os.PathLike[str]) -> Path:
        """Save the best weights with their origin in the header.

        Parameters
        ----------
        result : TrainingResult
            What `train` returned.
        path : path
            A file that ends in .safetensors.

        Returns
        -------
        pathlib.Path
            The file, absolute.

        Raises
        ------
        CheckpointError, OSError
            If the file cannot be written.
        """
        return result.save(path, **self.origin.as_dict())

    def discard(self) -> None:
        """Delete the folder, unless it is in use."""
        with suppress(BusyError, CheckpointError), lock_session(self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)
        if not (self.folder / ABOUT).exists():
            # again: Windows does not delete a lock file while it is locked
            shutil.rmtree(self.folder, ignore_errors=True)
            unlink(self.folder, sessions_folder())

    def _train(
        self, data: Any, stop: Event | None, watch: Callable[[], Any] | None
    ) -> Generator[SessionEvent, None, TrainingResult]:
        from napari_umis_fusion.training.loop import iter_train

        images = yield from self._images(data)
        start = self.folder / _START
        self.curve.assign(LossCurve.read_csv(self.old_curve, sys.maxsize))
        events = iter_train(
            images,
            self.config,
            start=start if start.is_file() else None,
            where=self.state,
            resume=True,
            stop=stop,
            watch=watch,
            curve=self.curve,
        )
        return (yield from self._with_curve(events))

    def _images(self, data: Any) -> Generator[SessionEvent, None, ImageSet]:
        kept = self.folder / _IMAGES
        with Workers(1) as workers:
            if kept.is_file():
                reading = workers.result(workers.submit(load_images, kept))
                return (yield from repeat_event(reading, Preparing("reading the images", 1.0)))
            images = yield from iter_collect(data)
            split_images(images, self.config)  # raises for too few images before anything is saved
            report = yield from iter_check(images, self.config)
            saving = workers.result(workers.submit(self.keep, images))
            try:
                yield from repeat_event(saving, Preparing("saving the images", 1.0))
            except StackFileError as error:  # what was collected is not lost for want of a file
                yield Noted(f"{error} Training continues, but cannot be resumed.")
        yield DataChecked(report)
        return images

    def _with_curve(
        self, events: Generator[TrainingEvent, None, TrainingResult]
    ) -> Generator[SessionEvent, None, TrainingResult]:
        """Yield the earlier curve as soon as it is known."""

        def with_curve(event: TrainingEvent) -> Iterator[SessionEvent]:
            # Before TrainingStarted: a chart must have the old values when new ones arrive.
            if isinstance(event, TrainingStarted) and self.curve.names:
                yield CurveRestored(self.curve.copy())
            yield event

        return (yield from expand_events(events, with_curve))


def last_session(root: str | os.PathLike[str] | None = None) -> TrainingSession | None:
    """Return the newest session that can be resumed and is not in use."""
    for folder in session_folders(user_path(root or sessions_folder())):
        with suppress(CheckpointError):
            session = TrainingSession(folder)
            if session.can_resume and not is_locked(folder):
                return session
    return None
