"""A combo box for the weights of a fusion: of the package, of the library, or a file."""

from collections.abc import Container, Iterator
from pathlib import Path

from qtpy.compat import isalive
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog

from napari_umis_fusion.models.library import HASH_SHOWN, Model, ModelLibrary
from napari_umis_fusion.plugin.models._events import library_changed

OF_PACKAGE, FROM_FILE = "weights of this package", "from a file …"

_Entry = tuple[str, str | None, str]
"""Text, path and tooltip."""


class WeightsChoice(QComboBox):
    """Selects weights for a focus measure; offers only weights of that measure.

    The selection is remembered for each measure.

    Parameters
    ----------
    library : ModelLibrary, optional
        Library with the models; by default that of the user.

    Signals
    -------
    valueChanged()
        Other weights were selected.
    file_chosen(str)
        The user has selected this file, which may belong to another measure.
    notified(str)
        Why the weights cannot be used.
    """

    valueChanged = Signal()  # noqa: N815
    file_chosen = Signal(str)
    notified = Signal(str)

    def __init__(self, library: ModelLibrary | None = None) -> None:
        super().__init__()
        self._library = library or ModelLibrary()
        self._measure = "learned"
        self._chosen: dict[str, str | None] = {}
        self._files: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        # a long name of a model must not widen the whole widget
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)
        self.activated.connect(self._on_activated)
        library_changed.connect(self.refresh)
        self.refresh()

    def value(self) -> str | None:
        """Return the path of the weights; None for those of this package."""
        return self._chosen.get(self._measure)

    def setValue(self, path: str | None) -> None:  # noqa: N802
        """Select weights for the current measure."""
        before, self._chosen[self._measure] = self.value(), path
        self.refresh()
        if path != before:
            self.valueChanged.emit()

    def show_measure(self, measure: str) -> None:
        """Offer the weights of a focus measure."""
        if measure != self._measure:
            self._measure = measure
            self.refresh()

    def refresh(self) -> None:
        """Update from the library; the selection stays, even if its file is missing."""
        models = [one for one in self._library.models() if one.focus_measure == self._measure]
        self._names.update({str(model.path): model.name for model in models})
        entries: list[_Entry] = [(OF_PACKAGE, None, "Weights that come with this package.")]
        entries += [(model.name, str(model.path), "\n".join(_tooltip(model))) for model in models]
        entries += self._other_files({path for _, path, _ in entries})
        self.clear()
        for text, path, tip in [*entries, (FROM_FILE, None, "Select a file of weights.")]:
            self.addItem(text, path)
            self.setItemData(self.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.setCurrentIndex([path for _, path, _ in entries].index(self.value()))

    def choose_file(self) -> str:
        """Open a dialog for a file of weights; empty if cancelled."""
        path, _ = QFileDialog.getOpenFileName(
            self, "Weights", "", "Weights (*.safetensors *.pth *.pt)"
        )
        return str(path)

    def release(self) -> None:
        """Disconnect from the library; Qt has done so already if it deleted the widget."""
        if isalive(self):
            library_changed.disconnect(self.refresh)

    def _other_files(self, known: Container[str | None]) -> list[_Entry]:
        """Return entries for selected files outside the library."""
        files = self._files.setdefault(self._measure, [])
        chosen = self.value()
        if chosen is not None and chosen not in files:
            files.append(chosen)
        entries: list[_Entry] = []
        for path in files:
            is_there = Path(path).is_file()
            if path in known or not (is_there or path == chosen):
                continue
            name = self._names.get(path, Path(path).name)
            if is_there:
                entries.append((name, path, path))
            else:
                entries.append((f"{name} (missing)", path, f"{path} does not exist."))
        return entries

    def _on_activated(self, index: int) -> None:
        if index < self.count() - 1:
            self.setValue(self.itemData(index))
            return
        self.refresh()  # show the current selection again instead of "from a file …"
        path = self.choose_file()
        if path:
            self.file_chosen.emit(path)


def _tooltip(model: Model) -> Iterator[str]:
    """Yield the lines of the tooltip of a model."""
    yield ", ".join(filter(None, (f"{model.created:%Y-%m-%d}", model.achieved)))
    if model.note:
        yield model.note
    if model.known_sha256:
        yield f"SHA-256 {model.known_sha256[:HASH_SHOWN]}"
