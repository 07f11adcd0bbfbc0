"""A training that outlives the program: all that it needs lies in a folder of its own.

| file | what it is |
|---|---|
| session.json | config, name, where the weights come from |
| images.npz | the images, exactly: layers and files may be gone when it goes on |
| start.safetensors | the weights that it started from |
| training.state | where it stands; see `TrainingState` |
| curve.csv | losses and validations so far |
| owner.json | the process that works on it, while it does |
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Self

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.replacing import written_beside
from napari_umis_fusion.training.checking import iter_check
from napari_umis_fusion.training.config import TrainingConfig
from napari_umis_fusion.training.curves import LossCurve
from napari_umis_fusion.training.events import (
    CheckpointSaved,
    Preparing,
    TrainingEvent,
    TrainingStarted,
)
from napari_umis_fusion.training.gathering import iter_gather
from napari_umis_fusion.training.images import ImageSet, load_images
from napari_umis_fusion.training.result import TrainingResult
from napari_umis_fusion.training.session_events import CurveRead, DataChecked, SessionEvent
from napari_umis_fusion.training.session_folder import (
    FOLDER_VARIABLE,
    is_taken,
    sessions_folder,
    taken,
)
from napari_umis_fusion.workers import Workers, reporting

_ABOUT, _IMAGES, _START = "session.json", "images.npz", "start.safetensors"
_STATE, _CURVE = "training.state", "curve.csv"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a training comes from, for the header of its weights.

    Attributes
    ----------
    name : str
        What the outcome is called, unless it is renamed.
    parent : str
        Name of the weights that it starts from; empty if from nothing.
    parent_sha256 : str
        Of their file.
    created : str
        When it began, ISO 8601.
    """

    name: str
    parent: str = ""
    parent_sha256: str = ""
    created: str = ""


class TrainingSession:
    """A training in a folder of its own.

    Parameters
    ----------
    folder : Path
        Of a session that was begun; see `begin` and `last_session`.

    Raises
    ------
    CheckpointError
        If the folder holds no session, or a damaged one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.curve = LossCurve()
        try:
            about = json.loads((folder / _ABOUT).read_text("utf-8"))
            self.config = TrainingConfig(**about["config"])
            self.origin = Origin(**about["origin"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder}: no training is kept there ({error})") from error

    @classmethod
    def begin(
        cls,
        config: TrainingConfig,
        *,
        name: str,
        start: str | os.PathLike[str] | None = None,
        parent: str = "",
        root: str | os.PathLike[str] | None = None,
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

        Raises
        ------
        CheckpointError
            If the weights cannot be loaded, or the folder not be written.
        """
        from napari_umis_fusion.network.weights import load_checkpoint, save_checkpoint

        now = datetime.now(UTC)
        folder = Path(root or sessions_folder()) / f"{now:%Y-%m-%d-%H%M%S-%f}"
        checkpoint = load_checkpoint(start) if start is not None else None
        sha256 = checkpoint.sha256 if checkpoint else ""
        parent = parent or (checkpoint.path.stem if checkpoint else "")
        origin = Origin(name, parent, sha256, now.isoformat(timespec="seconds"))
        about = {"config": config.as_dict(), "origin": asdict(origin)}
        try:
            folder.mkdir(parents=True)
            if checkpoint is not None:
                save_checkpoint(
                    folder / _START, checkpoint.state_dict, {**checkpoint.metadata, "name": parent}
                )
            with written_beside(folder / _ABOUT) as beside:
                beside.write_text(json.dumps(about, indent=1), "utf-8")
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise CheckpointError(_no_room(folder, error)) from error
        return cls(folder)

    @property
    def state(self) -> Path:
        """File that holds where the training stands, once there is a checkpoint."""
        return self.folder / _STATE

    @property
    def can_go_on(self) -> bool:
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
        TrainingEvent, CurveRead, DataChecked
            As `training.train` does; `DataChecked` where it begins, `CurveRead` where it goes on.

        Raises
        ------
        CheckpointError
            If the images cannot be saved.
        UmisFusionError
            As `training.train` does.
        """
        from napari_umis_fusion.training.loop import train

        try:
            with taken(self.folder):
                images = yield from self._images(data)
                start = self.folder / _START
                events = train(
                    images,
                    self.config,
                    start=start if start.is_file() else None,
                    state=self.state,
                    resume=True,
                    stop=stop,
                    watch=watch,
                )
                return (yield from self._recorded(events))
        finally:
            if not self.can_go_on:  # nothing is there yet that was worth keeping
                self.discard()

    def save_outcome(self, result: TrainingResult, path: str | os.PathLike[str]) -> Path:
        """Save the best weights with all that is known of them in the header.

        Raises
        ------
        CheckpointError, OSError
            If the file cannot be written.
        """
        return result.save(path, **asdict(self.origin))

    def discard(self) -> None:
        """Delete the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _images(self, data: Any) -> Generator[SessionEvent, None, ImageSet]:
        kept = self.folder / _IMAGES
        with Workers(1) as workers:
            if kept.is_file():
                reading = workers.result(workers.submit(load_images, kept))
                return (yield from reporting(reading, Preparing("reading the images", 1.0)))
            images = yield from iter_gather(data)
            saving = workers.result(workers.submit(images.save, kept))
            try:
                yield from reporting(saving, Preparing("keeping the images", 1.0))
            except OSError as error:
                raise CheckpointError(_no_room(kept, error)) from error
        yield DataChecked((yield from iter_check(images, self.config)))
        return images

    def _recorded(
        self, events: Generator[TrainingEvent, None, TrainingResult]
    ) -> Generator[SessionEvent, None, TrainingResult]:
        """Keep the curve beside the state."""
        try:
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    result: TrainingResult = end.value
                    return result
                if isinstance(event, TrainingStarted) and event.first_step:
                    self.curve = self._read_curve(event.first_step)
                    yield CurveRead(self._read_curve(event.first_step))
                self.curve.add(event)
                if isinstance(event, CheckpointSaved):
                    self._save_curve()
                yield event
        finally:
            events.close()
            self._save_curve()

    def _read_curve(self, last_step: int) -> LossCurve:
        return LossCurve.read_csv(self.folder / _CURVE, last_step)

    def _save_curve(self) -> None:
        with contextlib.suppress(OSError):  # a curve is no reason not to train
            self.curve.save_csv(self.folder / _CURVE)


def last_session(root: str | os.PathLike[str] | None = None) -> TrainingSession | None:
    """Return the newest session that can go on and that no other process works on."""
    folder = Path(root or sessions_folder())
    try:
        found = sorted((path for path in folder.iterdir() if path.is_dir()), reverse=True)
    except OSError:
        return None
    for path in found:
        with contextlib.suppress(CheckpointError):
            session = TrainingSession(path)
            if session.can_go_on and not is_taken(path):
                return session
    return None


def _no_room(path: Path, error: OSError) -> str:
    return (
        f"{path}: the training cannot be kept there ({error.strerror or error}); free some space, "
        f"or name another folder in {FOLDER_VARIABLE}. Nothing was begun."
    )
