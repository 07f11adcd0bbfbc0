"""A panel for the library of models: show, rename, annotate, import, export, delete."""

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFileDialog, QGridLayout, QInputDialog, QVBoxLayout, QWidget

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.models.export import EXPORT_SUFFIXES
from napari_umis_fusion.models.library import Model, ModelLibrary, file_stem, shipped_models
from napari_umis_fusion.plugin.models._details import ModelDetails
from napari_umis_fusion.plugin.models._events import library_changed
from napari_umis_fusion.plugin.models._table import ModelTable
from napari_umis_fusion.plugin.widgets import LatestJob, Message, confirm, push_buttons
from napari_umis_fusion.runtime import sentence_of

BUTTONS = {
    "use": ("Use in fusion", "Use these weights for fusion from now on."),
    "rename": ("Rename", "Rename the model. Its file keeps its name."),
    "note": ("Note…", "Edit the note of the model."),
    "import": ("Import…", "Copy weights into the library: .safetensors, or the original .pth."),
    "export": ("Export…", "Export the model to a file. The extension chooses the format."),
    "delete": ("Delete…", "Delete the model permanently, after confirmation."),
}
_COLUMNS = 3
_OWN_ONLY = ("rename", "note", "delete")
"""Buttons for the user's own models only."""


class ModelPanel(QWidget):
    """Shows the models of the library, and edits them.

    Parameters
    ----------
    library : ModelLibrary, optional
        By default the library of the user.

    Signals
    -------
    use_requested(object)
        The `Model` to use for fusion.
    """

    use_requested = Signal(object)

    def __init__(self, library: ModelLibrary | None = None) -> None:
        super().__init__()
        self.library = library or ModelLibrary()
        self.table, self.details = ModelTable(), ModelDetails()
        self.message, self.unreadable = Message(), Message()
        self.buttons = push_buttons(BUTTONS)
        self._job, self._hashing = LatestJob(delay_ms=0), LatestJob(delay_ms=0)
        self._then: Callable[[Any], None] | None = None
        self._lay_out()
        self._connect()
        self.refresh()

    @property
    def is_busy(self) -> bool:
        """Whether a file is being read or written in the background."""
        return self._job.is_busy or self._hashing.is_busy

    def refresh(self) -> None:
        """Update from the library."""
        self.table.fill([*self.library.models(), *shipped_models()])
        unreadable = self.library.unreadable()
        files = ", ".join(f"{path.name} ({reason})" for path, reason in unreadable.items())
        self.unreadable.show_text(files and f"Files of the library that cannot be read: {files}")

    def show_message(self, text: str) -> None:
        """Show a line of text; an empty one hides it."""
        self.message.show_text(text)

    def release(self) -> None:
        """Cancel running work and disconnect from the library."""
        self._job.cancel()
        self._hashing.cancel()
        if isalive(self):
            library_changed.disconnect(self.refresh)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Update from the library: other programs may have changed it."""
        super().showEvent(event)
        self.refresh()

    def choose_import_file(self) -> Path | None:
        """Open a dialog for a file of weights."""
        path, _ = QFileDialog.getOpenFileName(
            self, "Import weights", "", "Weights (*.safetensors *.pth *.pt)"
        )
        return Path(path) if path else None

    def choose_export_file(self, model: Model) -> tuple[Path, bool] | None:
        """Open a dialog for the target file; return it, and whether it may be replaced."""
        filters = {f"{about} (*{suffix})": suffix for suffix, about in EXPORT_SUFFIXES.items()}
        path, chosen = QFileDialog.getSaveFileName(
            self, f"Export {model.name}", file_stem(model.name), ";;".join(filters)
        )
        if not path:
            return None
        # some platforms append the extension of the filter, others leave it to the program
        if Path(path).suffix in EXPORT_SUFFIXES:
            return Path(path), True  # the dialog has confirmed it
        return Path(path + filters.get(chosen, next(iter(filters.values())))), False

    def edit_note(self, model: Model) -> str | None:
        """Open a dialog to edit the note; None if cancelled."""
        text, is_given = QInputDialog.getMultiLineText(
            self, f"Note of {model.name}", "Note:", model.note
        )
        return str(text) if is_given else None

    def confirm_deletion(self, model: Model) -> bool:
        """Confirm that a model shall be deleted."""
        return confirm(self, f"Delete the model {model.name!r} permanently?", "Delete")

    def _lay_out(self) -> None:
        grid = QGridLayout()
        for place, button in enumerate(self.buttons.values()):
            grid.addWidget(button, *divmod(place, _COLUMNS))
        for label in (self.message, self.unreadable):
            label.hide()
        self.table.setToolTip(f"Models in {self.library.folder}.")
        layout = QVBoxLayout(self)
        layout.addWidget(self.table, 1)
        layout.addLayout(grid)
        layout.addWidget(self.message)
        layout.addWidget(self.unreadable)
        layout.addWidget(self.details, 1)

    def _connect(self) -> None:
        for name, button in self.buttons.items():
            button.clicked.connect(getattr(self, f"_on_{name}"))
        self.table.choice_changed.connect(self._on_choice)
        # queued, so that the table is refilled only after it has finished the edit
        self.table.renamed.connect(self._on_renamed, Qt.ConnectionType.QueuedConnection)
        self.table.note_wanted.connect(self._write_note)
        self._job.done.connect(self._on_done)
        self._job.failed.connect(self._on_failed)
        self._hashing.done.connect(self._on_hashed)
        library_changed.connect(self.refresh)

    def _on_choice(self) -> None:
        model = self.table.chosen()
        self.details.show_model(model)
        if model is not None and not model.known_sha256:
            self._hashing.submit(partial(_iter_hash, model))
        self._show_possible()

    def _show_possible(self) -> None:
        """Enable the buttons that apply to the selected model."""
        model, is_idle = self.table.chosen(), self._then is None
        for name, button in self.buttons.items():
            is_own = model is not None and not model.is_shipped
            possible = is_own if name in _OWN_ONLY else model is not None or name == "import"
            button.setEnabled(is_idle and possible)

    def _on_hashed(self, model: Model) -> None:
        if self.table.chosen() == model:
            self.details.show_model(model)

    def _on_use(self) -> None:
        model = self.table.chosen()
        if model is not None:
            self.use_requested.emit(model)

    def _on_rename(self) -> None:
        self.table.edit_name()

    def _on_renamed(self, model: Model, name: str) -> None:
        self._change(lambda: self.library.rename(model, name))

    def _on_note(self) -> None:
        model = self.table.chosen()
        if model is not None:
            self._write_note(model)

    def _write_note(self, model: Model) -> None:
        note = self.edit_note(model)
        if note is not None:
            self._change(lambda: self.library.annotate(model, note))

    def _on_delete(self) -> None:
        model = self.table.chosen()
        if model is not None and self.confirm_deletion(model):
            self._change(lambda: self.library.delete(model), f"Deleted: {model.name}.")

    def _on_import(self) -> None:
        path = self.choose_import_file()
        if path is not None:
            self._start(partial(_iter_import, self.library, path), self._on_imported)
            self.show_message(f"importing {path.name} …")

    def _on_imported(self, found: tuple[Model, bool]) -> None:
        model, is_new = found
        library_changed.emit()
        self.table.choose(model.path)
        self.show_message(
            f"Imported as {model.name!r}."
            if is_new
            else f"These weights are in the library already, as {model.name!r}."
        )

    def _on_export(self) -> None:
        model = self.table.chosen()
        asked = None if model is None else self.choose_export_file(model)
        if model is not None and asked is not None:
            path, may_replace = asked
            start = partial(_iter_export, self.library, model, path, may_replace)
            self._start(start, lambda path: self.show_message(f"Exported to {path}."))
            self.show_message(f"exporting to {path.name} …")

    def _change(self, change: Callable[[], Any], message: str = "") -> None:
        """Change the library and notify all widgets; an error is shown, and nothing changes."""
        try:
            change()
        except UmisFusionError as error:
            self.refresh()
            self.show_message(sentence_of(error))
            return
        library_changed.emit()
        self.show_message(message)

    def _start(
        self, start: Callable[[], Generator[Any, None, Any]], then: Callable[[Any], None]
    ) -> None:
        self._then = then
        self._job.submit(start)
        self._show_possible()

    def _on_done(self, result: Any) -> None:
        then, self._then = self._then, None
        self._show_possible()
        if then is not None:
            then(result)

    def _on_failed(self, error: Exception) -> None:
        self._then = None
        self._show_possible()
        self.show_message(sentence_of(error))


def _iter_hash(model: Model) -> Generator[None, None, Model]:
    yield
    _ = model.sha256
    return model


def _iter_import(library: ModelLibrary, path: Path) -> Generator[None, None, tuple[Model, bool]]:
    yield
    known = library.find_copy_of(path)
    return known or library.add(path), known is None


def _iter_export(
    library: ModelLibrary, model: Model, path: Path, replace: bool
) -> Generator[None, None, Path]:
    yield
    return library.export(model, path, replace=replace)
