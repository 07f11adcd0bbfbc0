"""A training that outlives the program: all that it needs lies in a folder of its own.

| file | what it is |
|---|---|
| session.json | config, name, where the weights come from, who works on it |
| images.npz | the images, exactly: layers and files may be gone when it goes on |
| start.safetensors | the weights that it started from |
| training.state | where it stands; see `TrainingState` |
| curve.csv | losses and validations so far |
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

import platformdirs
import psutil

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.network.weights import load_checkpoint, save_checkpoint
from napari_umis_fusion.replacing import written_beside
from napari_umis_fusion.training.config import TrainingConfig
from napari_umis_fusion.training.curves import LossCurve
from napari_umis_fusion.training.events import CheckpointSaved, TrainingEvent, TrainingStarted
from napari_umis_fusion.training.gathering import iter_gather
from napari_umis_fusion.training.images import ImageSet, load_images
from napari_umis_fusion.training.loop import train
from napari_umis_fusion.training.result import TrainingResult

FOLDER_VARIABLE = "UMIS_FUSION_TRAININGS"
"""Environment variable that names another folder for sessions."""

_ABOUT, _IMAGES, _START = "session.json", "images.npz", "start.safetensors"
_STATE, _CURVE = "training.state", "curve.csv"


@dataclass(frozen=True, slots=True, eq=False)
class CurveRead:
    """A training goes on: losses and validations so far; comes before `TrainingStarted`.

    Attributes
    ----------
    curve : LossCurve
        The receiver's own.
    """

    curve: LossCurve


SessionEvent = TrainingEvent | CurveRead


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

    @property
    def is_taken(self) -> bool:
        """Whether another process works on it now."""
        try:
            pid, began = json.loads((self.folder / "owner.json").read_text("utf-8"))
            return bool(pid != os.getpid() and psutil.Process(pid).create_time() == began)
        except (OSError, ValueError, TypeError, psutil.Error):
            return False

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
        TrainingEvent, CurveRead
            As `training.train` does; `CurveRead` where it goes on.

        Raises
        ------
        CheckpointError
            If the images cannot be saved.
        UmisFusionError
            As `training.train` does.
        """
        self._take()
        try:
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
            (self.folder / "owner.json").unlink(missing_ok=True)

    def save_outcome(self, result: TrainingResult, path: str | os.PathLike[str]) -> Path:
        """Save the best weights with all that is known of them in the header.

        Raises
        ------
        CheckpointError, OSError
            If the file cannot be written.
        """
        about: dict[str, Any] = asdict(self.origin)
        if result.comparison is not None:
            about["comparison"] = result.comparison.as_dict()
        return result.save(path, **about)

    def discard(self) -> None:
        """Delete the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _take(self) -> None:
        owner = json.dumps([os.getpid(), psutil.Process().create_time()])
        with contextlib.suppress(OSError):  # only keeps a second window from going on with it
            (self.folder / "owner.json").write_text(owner, "utf-8")

    def _images(self, data: Any) -> Generator[TrainingEvent, None, ImageSet]:
        kept = self.folder / _IMAGES
        if kept.is_file():
            return load_images(kept)
        images = yield from iter_gather(data)
        try:
            images.save(kept)
        except OSError as error:
            raise CheckpointError(_no_room(kept, error)) from error
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


def sessions_folder() -> Path:
    """Return where sessions lie: `UMIS_FUSION_TRAININGS`, or a folder of the user's data."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    return platformdirs.user_data_path("napari-umis-fusion", appauthor=False) / "trainings"


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
            if session.can_go_on and not session.is_taken:
                return session
    return None


def _no_room(path: Path, error: OSError) -> str:
    return (
        f"{path}: the training cannot be kept there ({error.strerror or error}); free some space, "
        f"or name another folder in {FOLDER_VARIABLE}. Nothing was begun."
    )
