"""The library of models.

A model is one .safetensors file that never changes, so that its hash and paths to it stay
valid, and a .json file beside it with name and note.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.models.export import DEFAULT_LICENCE
from napari_umis_fusion.models.library._copy_weights import copy_weights, has_source_hash, name_of
from napari_umis_fusion.models.library._find import choose_model
from napari_umis_fusion.models.library._header import SUFFIX
from napari_umis_fusion.models.library._model import Model, read_model
from napari_umis_fusion.models.library._names import (
    MAX_NAME_LENGTH,
    clean_name,
    clean_note,
    unique_name,
)
from napari_umis_fusion.models.library._reserve import reserved
from napari_umis_fusion.models.library._shipped import shipped_models
from napari_umis_fusion.models.library._sidecar import sidecar_of, stamp_of, write_sidecar
from napari_umis_fusion.network import MAX_BYTES, SHIPPED
from napari_umis_fusion.runtime import naming_faults, open_regular, user_data, user_path

if TYPE_CHECKING:
    from napari_umis_fusion.network import Checkpoint

FOLDER_VARIABLE = "UMIS_FUSION_MODELS"
"""Environment variable that names another folder for the library."""


def default_folder() -> Path:
    """Return the folder of the user's models."""
    return user_data("models", FOLDER_VARIABLE)


def find_weights(text: str) -> str:
    """Return the path of weights, given as a file, or by the name or hash of a model.

    Raises
    ------
    CheckpointError
        If there is neither such a file nor such a model.
    """
    if user_path(text).is_file() or Path(text).suffix in (SUFFIX, ".pth", ".pt"):
        return text  # loading reports what is wrong with a file
    return str(ModelLibrary().find(text).path)


class ModelLibrary:
    """The user's models.

    Parameters
    ----------
    folder : path, optional
        Folder of the models; by default `default_folder`. It is created with the first model.

    Examples
    --------
    >>> library = ModelLibrary()
    >>> scorpion = library.add("mine.safetensors", "scorpion")  # doctest: +SKIP
    >>> fuse("planes/", checkpoint=str(scorpion.path))  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = default_folder() if folder is None else user_path(folder).absolute()
        self._seen: dict[Path, tuple[tuple[int, ...], Model]] = {}

    def models(self) -> list[Model]:
        """Return all readable models, newest first; only their headers are read."""
        return sorted(self._scan()[0], key=lambda model: model.created, reverse=True)

    def unreadable(self) -> dict[Path, str]:
        """Return the files that cannot be read, each with the reason."""
        return self._scan()[1]

    def find(self, name_or_hash: str) -> Model:
        """Return a model, or weights of this package, by name or first digits of the hash.

        Raises
        ------
        CheckpointError
            If there is none, or several hashes start with the digits.
        """
        return choose_model(self._all(), name_or_hash)

    def find_copy_of(self, path: str | os.PathLike[str]) -> Model | None:
        """Return the model that was imported from an identical file, or None.

        Raises
        ------
        CheckpointError
            If the file cannot be read.
        """
        advice = "give the path of a checkpoint"
        with (
            naming_faults(path, CheckpointError, "cannot be read", advice),
            open_regular(user_path(path), MAX_BYTES) as file,
        ):
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return self._made_from(sha256)

    def add(self, path: str | os.PathLike[str], name: str | None = None, note: str = "") -> Model:
        """Copy weights into the library.

        Weights that are in the library are not copied again: their model is returned, with its
        present name and note. Use `find_copy_of` to check beforehand.

        Parameters
        ----------
        path : path
            A .safetensors file, which is copied byte for byte, or an original .pth or .pt file,
            which is converted.
        name : str, optional
            By default the name of the file; a number is appended if another model has it.
        note : str
            Note about the model.

        Returns
        -------
        Model
            The new model, or the one with these weights.

        Raises
        ------
        CheckpointError
            If the file cannot be loaded as weights, or the library cannot be written.
        ConfigError
            If the name is empty or too long.
        BusyError
            If another process keeps the library locked.
        """
        from napari_umis_fusion.network import load_checkpoint

        wanted, note = None if name is None else clean_name(name), clean_note(note)
        checkpoint = load_checkpoint(path)
        known = self._made_from(checkpoint.sha256)
        if known is not None and _is_complete(known):
            return known
        wanted = wanted or clean_name(name_of(checkpoint)[:MAX_NAME_LENGTH])
        with reserved(self.folder):  # two processes could otherwise use the same name
            known = self._made_from(checkpoint.sha256)
            if known is None:
                return self._add_checkpoint(checkpoint, wanted, note)
            if not _is_complete(known):
                write_sidecar(known.path, name=self._unique(wanted, known.path), note=note)
                known = self._read(known.path)
            return known

    def rename(self, model: Model, name: str) -> Model:
        """Rename a model; its file keeps its name.

        Raises
        ------
        CheckpointError
            If it is not in this library, or the library cannot be written.
        ConfigError
            If the name is empty, too long, or that of another model.
        """
        path, cleaned = self._own(model), clean_name(name)
        with reserved(self.folder):
            if self._unique(cleaned, except_for=path) != cleaned:
                text = f"{cleaned!r} is the name of another model; choose a different one."
                raise ConfigError(text)
            write_sidecar(path, name=cleaned)
        return self._read(path)

    def annotate(self, model: Model, note: str) -> Model:
        """Replace the note of a model; raises as `rename`."""
        path = self._own(model)
        with reserved(self.folder):  # name and note share one file
            write_sidecar(path, note=clean_note(note))
        return self._read(path)

    def delete(self, model: Model) -> None:
        """Delete a model permanently; raises `CheckpointError` if it is not in this library."""
        path = self._own(model)
        advice = f"close what uses {path}"
        deleting = naming_faults(
            model.name, CheckpointError, "cannot be deleted", advice, of=OSError
        )
        with reserved(self.folder), deleting:
            # weights first: a model without its .json file would still be listed
            path.unlink()
            sidecar_of(path).unlink(missing_ok=True)

    def export(
        self,
        model: Model,
        path: str | os.PathLike[str],
        *,
        replace: bool = False,
        authors: Sequence[str] = (),
        licence: str = DEFAULT_LICENCE,
    ) -> Path:
        """Export a model to a file; see `napari_umis_fusion.models.export_model`.

        Parameters
        ----------
        model : Model
            A model of the library or of the package.
        path : path
            Its extension chooses the format: .safetensors for an identical copy, .onnx, or .zip
            for the BioImage Model Zoo.
        replace : bool
            Whether to replace an existing file.
        authors, licence
            Authors and licence of the weights.

        Returns
        -------
        pathlib.Path
            The file, absolute.

        Raises
        ------
        CheckpointError
            If it cannot be written, the file exists, or a library is missing.
        ConfigError
            For another extension, or invalid authors or licence.
        """
        from napari_umis_fusion.models.export import export_model
        from napari_umis_fusion.network import load_checkpoint

        target = user_path(path).absolute()
        if target.parent.resolve() in (self.folder.resolve(), SHIPPED.resolve()):
            raise CheckpointError(f"{target}: is in a folder of models; choose another folder")
        if target.exists() and not replace:
            raise CheckpointError(f"{target}: exists already; choose another name, or replace it")
        checkpoint, name, note = load_checkpoint(model.path), model.name, model.note
        return export_model(
            checkpoint, target, name=name, note=note, authors=authors, licence=licence
        )

    def _add_checkpoint(self, checkpoint: "Checkpoint", wanted: str, note: str) -> Model:
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
        """Read the headers that have changed since the last call."""
        models: list[Model] = []
        unreadable: dict[Path, str] = {}
        # Hidden files are still being written.
        for path in sorted(self.folder.glob(f"[!.]*{SUFFIX}")):
            try:
                models.append(self._read(path))
            except CheckpointError as error:
                unreadable[path] = str(error).removeprefix(f"{path}: ")
        return models, unreadable

    def _read(self, path: Path) -> Model:
        stamp = stamp_of(path)
        seen = self._seen.get(path)
        if seen is None or seen[0] != stamp:
            seen = self._seen[path] = (stamp, read_model(path))
        return seen[1]

    def _made_from(self, sha256: str) -> Model | None:
        return next((model for model in self._all() if has_source_hash(model, sha256)), None)

    def _unique(self, name: str, except_for: Path | None = None) -> str:
        return unique_name(name, [model.name for model in self._all() if model.path != except_for])

    def _own(self, model: Model) -> Path:
        """Return the file of a model of this library."""
        if model.is_shipped:
            msg = (
                f"{model.name}: comes with the package, and cannot be changed; export a copy first"
            )
            raise CheckpointError(msg)
        if model.path.parent.resolve() != self.folder.resolve() or model.path.suffix != SUFFIX:
            msg = f"{model.path}: is not in the library {self.folder}; import it first"
            raise CheckpointError(msg)
        if not model.path.is_file():
            msg = f"{model.name}: {model.path} does not exist any more; import it again"
            raise CheckpointError(msg)
        return model.path


def _is_complete(model: Model) -> bool:
    """Return whether a model has its .json file: an import may be killed before it is written."""
    return model.is_shipped or sidecar_of(model.path).exists()
