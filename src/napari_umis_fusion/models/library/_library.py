"""A folder of trained weights, each with a name, a note and all that is known of it.

A model is one .safetensors file that never changes, so that its hash and paths to it stay
valid, and a .json beside it with what may change.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.models.export import DEFAULT_LICENCE
from napari_umis_fusion.models.library._copy_weights import copy_weights, has_source_hash, name_of
from napari_umis_fusion.models.library._find import choose_model
from napari_umis_fusion.models.library._header import ENDING
from napari_umis_fusion.models.library._model import Model, read_model
from napari_umis_fusion.models.library._names import (
    LONGEST_NAME,
    clean_name,
    clean_note,
    unique_name,
)
from napari_umis_fusion.models.library._reserve import reserved
from napari_umis_fusion.models.library._shipped import shipped_models
from napari_umis_fusion.models.library._sidecar import sidecar_of, write_sidecar
from napari_umis_fusion.network import SHIPPED

if TYPE_CHECKING:
    from napari_umis_fusion.network import Checkpoint

FOLDER_VARIABLE = "UMIS_FUSION_MODELS"
"""Environment variable that names another folder for the library."""


def default_folder() -> Path:
    """Return where the user's models lie, unless another folder is given."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    return platformdirs.user_data_path("napari-umis-fusion", appauthor=False) / "models"


def find_weights(text: str) -> str:
    """Return the path of weights that are given as a file, or by a model's name or hash.

    Raises
    ------
    CheckpointError
        If there is neither such a file nor such a model.
    """
    if Path(text).is_file() or Path(text).suffix in (ENDING, ".pth", ".pt"):
        return text  # what is wrong with a file is told by who loads it
    return str(ModelLibrary().find(text).path)


class ModelLibrary:
    """The user's models.

    Parameters
    ----------
    folder : path, optional
        Where they lie; by default `default_folder`. It is made when the first model comes.

    Examples
    --------
    >>> library = ModelLibrary()
    >>> scorpion = library.add("mine.safetensors", "scorpion")  # doctest: +SKIP
    >>> fuse("planes/", checkpoint=str(scorpion.path))  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = default_folder() if folder is None else Path(folder).absolute()
        self._seen: dict[Path, tuple[tuple[int, ...], Model]] = {}

    def models(self) -> list[Model]:
        """Return all models that can be read, newest first; only their headers are read."""
        return sorted(self._scan()[0], key=lambda model: model.created, reverse=True)

    def unreadable(self) -> dict[Path, str]:
        """Return the files of the folder that cannot be read, and why not."""
        return self._scan()[1]

    def find(self, name_or_hash: str) -> Model:
        """Return a model, or weights of this package, by name or by the start of the hash.

        Raises
        ------
        CheckpointError
            If there is none, or several whose hash begins so.
        """
        return choose_model(self._all(), name_or_hash)

    def find_copy_of(self, path: str | os.PathLike[str]) -> Model | None:
        """Return the model that was made from the same file, byte for byte, if there is one.

        Raises
        ------
        CheckpointError
            If the file cannot be read.
        """
        try:
            with Path(path).open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise CheckpointError(
                f"{path}: cannot be read ({error.strerror}); give the path of a checkpoint"
            ) from error
        return self._made_from(sha256)

    def add(self, path: str | os.PathLike[str], name: str | None = None, note: str = "") -> Model:
        """Copy weights into the library.

        Weights that are there already are not copied again: their model is returned, with the
        name and the note that it has; `find_copy_of` tells beforehand.

        Parameters
        ----------
        path : path
            A .safetensors file, whose bytes are copied as they are, or a .pth or .pt file of the
            original, which is turned into one.
        name : str, optional
            By default that of the file; numbered where it is taken.
        note : str
            Whatever there is to say.

        Returns
        -------
        Model
            The new model, or the one with these weights.

        Raises
        ------
        CheckpointError
            If the file cannot be loaded as weights, or the library not be written.
        ConfigError
            If the name is empty or too long.
        BusyError
            If another process changes the library for long.
        """
        from napari_umis_fusion.network import load_checkpoint

        wanted, note = None if name is None else clean_name(name), clean_note(note)
        checkpoint = load_checkpoint(path)
        known = self._made_from(checkpoint.sha256)
        if known is not None:
            return known
        wanted = wanted or clean_name(name_of(checkpoint)[:LONGEST_NAME])
        with reserved(self.folder):  # or two at once would find the same name free
            return self._made_from(checkpoint.sha256) or self._added(checkpoint, wanted, note)

    def rename(self, model: Model, name: str) -> Model:
        """Give a model another name; its file stays where it is.

        Raises
        ------
        CheckpointError
            If it is none of this library's, or the library cannot be written.
        ConfigError
            If the name is empty, too long, or another model's.
        """
        path, cleaned = self._own(model), clean_name(name)
        with reserved(self.folder):
            if self._unique(cleaned, but=path) != cleaned:
                text = f"{cleaned!r} is the name of another model; choose one of its own."
                raise ConfigError(text)
            write_sidecar(path, name=cleaned)
        return self._read(path)

    def annotate(self, model: Model, note: str) -> Model:
        """Write a note to a model, in place of that which it has; raises as `rename`."""
        path = self._own(model)
        with reserved(self.folder):  # the name beside it may be changed at the same time
            write_sidecar(path, note=clean_note(note))
        return self._read(path)

    def delete(self, model: Model) -> None:
        """Delete a model for good; raises `CheckpointError` if it is none of this library's."""
        path = self._own(model)
        try:
            with reserved(self.folder):
                path.unlink()
                sidecar_of(path).unlink(missing_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"{model.name}: cannot be deleted ({error.strerror}); is {path} in use?"
            ) from error

    def export(
        self,
        model: Model,
        path: str | os.PathLike[str],
        *,
        replace: bool = False,
        authors: Sequence[str] = (),
        licence: str = DEFAULT_LICENCE,
    ) -> Path:
        """Write a model to a file for others; see `models.exporting.export_model`.

        Parameters
        ----------
        model : Model
            Also one that comes with the package.
        path : path
            Its ending chooses the format: .safetensors for a copy, byte for byte, .onnx, or .zip
            for the BioImage Model Zoo.
        replace : bool
            Whether a file that is there may be replaced.
        authors, licence
            Of the weights.

        Returns
        -------
        pathlib.Path
            The file, absolute.

        Raises
        ------
        CheckpointError
            If it cannot be written, something is there already, or a library is missing.
        ConfigError
            For another ending, or authors and a licence that are none.
        """
        from napari_umis_fusion.models.export import export_model
        from napari_umis_fusion.network import load_checkpoint

        target = Path(path).absolute()
        if target.parent.resolve() in (self.folder.resolve(), SHIPPED.resolve()):
            raise CheckpointError(f"{target}: lies among models; choose another folder")
        if target.exists() and not replace:
            raise CheckpointError(f"{target}: is there already; choose another name, or replace it")
        checkpoint, name, note = load_checkpoint(model.path), model.name, model.note
        return export_model(
            checkpoint, target, name=name, note=note, authors=authors, licence=licence
        )

    def _added(self, checkpoint: "Checkpoint", wanted: str, note: str) -> Model:
        unique = self._unique(wanted)
        target = copy_weights(checkpoint, self.folder, unique)
        try:
            write_sidecar(target, name=unique, note=note)
        except CheckpointError:
            target.unlink()
            raise
        return self._read(target)

    def _all(self) -> list[Model]:
        return [*self.models(), *shipped_models()]

    def _scan(self) -> tuple[list[Model], dict[Path, str]]:
        """Read the headers that have changed since the last time."""
        models: list[Model] = []
        broken: dict[Path, str] = {}
        for path in sorted(self.folder.glob(f"[!.]*{ENDING}")):  # with a dot: being written
            try:
                models.append(self._read(path))
            except CheckpointError as error:
                broken[path] = str(error).removeprefix(f"{path}: ")
        return models, broken

    def _read(self, path: Path) -> Model:
        stamp = _stamp(path)
        seen = self._seen.get(path)
        if seen is None or seen[0] != stamp:
            seen = self._seen[path] = (stamp, read_model(path))
        return seen[1]

    def _made_from(self, sha256: str) -> Model | None:
        return next((model for model in self._all() if has_source_hash(model, sha256)), None)

    def _unique(self, name: str, but: Path | None = None) -> str:
        return unique_name(name, [model.name for model in self._all() if model.path != but])

    def _own(self, model: Model) -> Path:
        """Return the file of a model that may be changed."""
        if model.is_shipped:
            raise CheckpointError(f"{model.name}: comes with the package, and stays as it is")
        if model.path.parent.resolve() != self.folder.resolve() or model.path.suffix != ENDING:
            raise CheckpointError(f"{model.path}: no model of the library in {self.folder}")
        if not model.path.is_file():
            raise CheckpointError(f"{model.name}: {model.path} is gone; was it deleted elsewhere?")
        return model.path


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes whenever a model, or what is noted beside it, does."""
    try:
        status, beside = path.stat(), sidecar_of(path)
        noted = beside.stat() if beside.exists() else None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    of_note = (noted.st_size, noted.st_mtime_ns, noted.st_ino) if noted else ()
    return status.st_size, status.st_mtime_ns, *of_note
