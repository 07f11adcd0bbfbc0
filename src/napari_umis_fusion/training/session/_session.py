"""A training that outlives the program: all that it needs lies in a folder of its own.

| file | what it is |
|---|---|
| session.json | config, name, where the weights come from |
| images.npz | the images, exactly: layers and files may be gone when it goes on |
| start.safetensors | the weights that it started from |
| training.state | where it stands, and its curve; see `TrainingState` |
| session.lock, owner.json | empty, locked by the process that works on it; which one that is |

Sessions of before states held the curve have it in curve.csv.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Self

from napari_umis_fusion.errors import BusyError, CheckpointError
from napari_umis_fusion.runtime import Workers, atomic_write, repeat_event
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._events import Preparing, TrainingEvent, TrainingStarted
from napari_umis_fusion.training._loss_curve import LossCurve
from napari_umis_fusion.training._result import TrainingResult
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
    """A training in a folder of its own.

    Parameters
    ----------
    folder : Path
        Of a session that was begun; see `create` and `last_session`.

    Attributes
    ----------
    config : TrainingConfig
        How to train.
    origin : Origin
        Its name, and the weights that it started from.
    data : tuple of str
        Absolute paths of what it is trained on, if it was begun with files alone.
    curve : LossCurve
        Losses and validations up to now, filled by `train`.

    Raises
    ------
    CheckpointError
        If the folder holds no session, or a damaged one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.curve = LossCurve()
        try:
            about = json.loads((folder / ABOUT).read_text("utf-8"))
            self.config = TrainingConfig(**about["config"])
            self.origin = Origin(**about["origin"])
            self.data = tuple(about.get("data", ()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder}: no training is kept there ({error})") from error

    @classmethod
    def create(
        cls,
        config: TrainingConfig,
        *,
        name: str,
        start: str | os.PathLike[str] | None = None,
        parent: str = "",
        root: str | os.PathLike[str] | None = None,
        folder: str | os.PathLike[str] | None = None,
        data: Sequence[str] = (),
    ) -> Self:
        """Make the folder of a new session.

        Parameters
        ----------
        config : TrainingConfig
            How to train.
        name : str
            What the outcome is called.
        start : path, optional
            Weights to start from, copied into the folder; by default from nothing.
        parent : str
            Their name; by default that of the file.
        root : path, optional
            Where sessions lie; by default `sessions_folder`.
        folder : path, optional
            Its folder, which must not be there yet; by default a new one in `root`. One that
            lies elsewhere is found by `last_session` all the same, once it is trained.
        data : sequence of str
            Absolute paths of what it is trained on, to refuse others.

        Raises
        ------
        CheckpointError
            If the weights cannot be loaded, or the folder is there or cannot be written.
        """
        from napari_umis_fusion.network import load_checkpoint, save_checkpoint

        now, root = datetime.now(UTC), Path(root or sessions_folder())
        where = Path(folder).absolute() if folder else root / time_name(now)
        checkpoint = load_checkpoint(start) if start is not None else None
        sha256 = checkpoint.sha256 if checkpoint else ""
        parent = parent or (checkpoint.path.stem if checkpoint else "")
        origin = Origin(name, parent, sha256, now.isoformat(timespec="seconds"))
        about = {"config": config.as_dict(), "origin": asdict(origin), "data": list(data)}
        make_folder(where)
        try:
            if checkpoint is not None:
                save_checkpoint(
                    where / _START, checkpoint.state_dict, {**checkpoint.metadata, "name": parent}
                )
            with atomic_write(where / ABOUT) as beside:
                beside.write_text(json.dumps(about, indent=1), "utf-8")
        except BaseException as error:
            shutil.rmtree(where, ignore_errors=True)
            if isinstance(error, OSError):
                raise CheckpointError(no_room(where, error)) from error
            raise
        return cls(where)

    @property
    def state(self) -> Path:
        """File that holds where the training stands, once there is a checkpoint."""
        return self.folder / STATE

    @property
    def old_curve(self) -> Path:
        """File that held the curve before states did."""
        return self.folder / _CURVE

    @property
    def can_resume(self) -> bool:
        """Whether the images are there, so that it needs nothing from outside."""
        return (self.folder / _IMAGES).is_file()

    def train(
        self,
        data: Any = None,
        *,
        stop: Event | None = None,
        watch: Callable[[], Any] | None = None,
    ) -> Generator[SessionEvent, None, TrainingResult]:
        """Train, or go on where it was interrupted, and keep everything in the folder.

        Parameters
        ----------
        data : optional
            As `training.train` takes it; not needed to go on.
        stop, watch : optional
            As `training.train` takes them.

        Yields
        ------
        TrainingEvent, CurveRestored, DataChecked
            As `training.train` does; `DataChecked` where it begins, `CurveRestored` where it goes on.

        Raises
        ------
        BusyError
            If another process works on it, or another window.
        CheckpointError
            If the images cannot be saved.
        UmisFusionError
            As `training.train` does.
        """
        is_ours = False
        try:
            with lock_session(self.folder):
                is_ours = True
                link(self.folder, sessions_folder())
                return (yield from self._train(data, stop, watch))
        finally:
            if is_ours and not self.can_resume:  # nothing is there yet that was worth keeping
                self.discard()

    def keep(self, images: ImageSet) -> None:
        """Save the images, so that it can go on without anything from outside.

        Raises
        ------
        CheckpointError
            If they cannot be saved.
        """
        try:
            images.save(self.folder / _IMAGES)
        except OSError as error:
            raise CheckpointError(no_room(self.folder / _IMAGES, error)) from error

    def save_result(self, result: TrainingResult, path: str | os.PathLike[str]) -> Path:
        """Save the best weights with all that is known of them in the header.

        Raises
        ------
        CheckpointError, OSError
            If the file cannot be written.
        """
        return result.save(path, **asdict(self.origin))

    def discard(self) -> None:
        """Delete the folder and all that is in it, unless it is worked on."""
        with suppress(BusyError, CheckpointError), lock_session(self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)
        if not (self.folder / ABOUT).exists():
            # once more, as some systems keep a lock that is held
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
        return (yield from self._told(events))

    def _images(self, data: Any) -> Generator[SessionEvent, None, ImageSet]:
        kept = self.folder / _IMAGES
        with Workers(1) as workers:
            if kept.is_file():
                reading = workers.result(workers.submit(load_images, kept))
                return (yield from repeat_event(reading, Preparing("reading the images", 1.0)))
            images = yield from iter_collect(data)
            split_images(images, self.config)  # too few are refused before anything is kept
            report = yield from iter_check(images, self.config)
            saving = workers.result(workers.submit(self.keep, images))
            yield from repeat_event(saving, Preparing("keeping the images", 1.0))
        yield DataChecked(report)
        return images

    def _told(
        self, events: Generator[TrainingEvent, None, TrainingResult]
    ) -> Generator[SessionEvent, None, TrainingResult]:
        """Tell of the curve of before as soon as it is known."""
        try:
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    result: TrainingResult = end.value
                    return result
                if isinstance(event, TrainingStarted) and self.curve.names:
                    yield CurveRestored(self.curve.copy())
                yield event
        finally:
            events.close()


def last_session(root: str | os.PathLike[str] | None = None) -> TrainingSession | None:
    """Return the newest session that can go on and that no other process works on."""
    for folder in session_folders(Path(root or sessions_folder())):
        with suppress(CheckpointError):
            session = TrainingSession(folder)
            if session.can_resume and not is_locked(folder):
                return session
    return None
