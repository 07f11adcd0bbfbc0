"""Training data: layers of the viewer, folders and files, ticked in a list."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_umis_fusion.files.read import SUFFIXES
from napari_umis_fusion.layers import ItemKind, training_data
from napari_umis_fusion.plugin.training._data_check import DataCheck
from napari_umis_fusion.plugin.training._data_row import LayerRow, PathRow, likely_kind
from napari_umis_fusion.plugin.viewer import is_image
from napari_umis_fusion.training import TrainingConfig
from napari_umis_fusion.training.data import ImageSet, NamedData, TrainingData, is_path
from napari_umis_fusion.training.session import ScriptSource

NOTHING = "Open z-stacks or sharp images of your specimens in the viewer, or add a folder."


class DataForm(QWidget):
    """Lists possible training data; follows the layers of a viewer.

    Layers that are selected when the form is created are ticked, later ones are not.

    Parameters
    ----------
    viewer : napari viewer
        Whose layers are offered.
    config : callable, optional
        Returns the config, for the check.

    Signals
    -------
    valueChanged()
        The data has changed.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self, viewer: Any, config: Callable[[], TrainingConfig] = TrainingConfig) -> None:
        super().__init__()
        # napari's PublicOnlyProxy wraps a layer anew at each access: identity would never hold
        self._viewer = getattr(viewer, "__wrapped__", viewer)
        self._layers: list[LayerRow] = []
        self._paths: list[PathRow] = []
        self._nothing = QLabel(NOTHING, self)
        self._nothing.setWordWrap(True)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        self._rows.addWidget(self._nothing)
        self.add_folder, self.add_files = QPushButton("Add folder…"), QPushButton("Add files…")
        self.add_folder.setToolTip(
            "Add a folder of sharp images (including subfolders), or of the planes of one z-stack."
        )
        self.add_files.setToolTip(
            "Add sharp images, z-stacks (TIFF), or the planes of one z-stack."
        )
        self.check = DataCheck(lambda: (self.value(), config()))
        self._lay_out()
        self.add_folder.clicked.connect(self._on_add_folder)
        self.add_files.clicked.connect(self._on_add_files)
        for event in self._viewer_events():
            event.connect(self._follow)
        self._follow()
        for row in self._layers:
            row.box.setChecked(row.layer in self._viewer.layers.selection and row.box.isEnabled())

    @property
    def is_busy(self) -> bool:
        """Whether data is being checked in the background."""
        return self.check.is_busy

    @property
    def collected(self) -> ImageSet | None:
        """The images of `value`, if the check has collected them already."""
        return self.check.images

    def value(self) -> TrainingData:
        """Return the ticked data; nothing of it has been read."""
        data: dict[ItemKind, list[Any]] = {"image": [], "stack": []}
        for row in self._paths:
            if row.is_used:
                data[row.kind] += row.data()
        items = [row.item for row in self._layers if row.is_used]
        return training_data(items, images=data["image"], stacks=data["stack"])

    def setValue(self, data: TrainingData) -> None:  # noqa: N802
        """Tick the layers that the data names, and list its paths; the rest is unticked.

        Arrays without a layer are skipped.
        """
        for row in list(self._paths):
            self._remove(row)
        named: set[str] = set()
        kinds: list[tuple[ItemKind, tuple[Any, ...]]] = [
            ("image", data.images),
            ("stack", data.stacks),
        ]
        for kind, given in kinds:
            for one in given:
                if isinstance(one, NamedData):
                    named.add(one.source or one.name)
                    continue
                paths = [one] if is_path(one) else one
                if isinstance(paths, list) and all(is_path(path) for path in paths):
                    self._add(paths, kind)
        for row in self._layers:
            row.box.setChecked(row.item.name in named and row.box.isEnabled())
        self._on_changed()

    def add_paths(self, paths: Sequence[Any], kind: ItemKind | None = None) -> None:
        """Add a ticked row for a folder, or for files that belong together.

        Parameters
        ----------
        paths : sequence of path
            One folder, one file, or several files.
        kind : {"image", "stack"}, optional
            What they hold; by default guessed from a few headers.
        """
        self._add(paths, kind or likely_kind([Path(path) for path in paths]))
        self._on_changed()

    def sources(self) -> list[ScriptSource]:
        """Return the ticked data as a script refers to it."""
        paths = [source for row in self._paths if row.is_used for source in row.sources()]
        return paths + [row.item.source() for row in self._layers if row.is_used]

    def release(self) -> None:
        """Stop the check and disconnect from viewer and layers; further calls do nothing."""
        self.check.release()
        if self._viewer is None:
            return
        for event in self._viewer_events():
            event.disconnect(self._follow)
        for row in self._layers:
            row.release()
        self._viewer = None

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.add_folder, self.add_files):
            buttons.addWidget(button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._rows)
        layout.addLayout(buttons)
        layout.addWidget(self.check)
        layout.addStretch()

    def _viewer_events(self) -> list[Any]:
        events = self._viewer.layers.events
        return [events.inserted, events.removed, events.reordered]

    def _follow(self, event: Any = None) -> None:
        """List the current layers in the order of napari's layer list: the top first."""
        there = [layer for layer in reversed(self._viewer.layers) if is_image(layer)]
        # Only a preview or a shapes layer was added or removed.
        if there == [row.layer for row in self._layers]:
            return
        was_used = [row.layer for row in self._layers if row.is_used]
        for row in [row for row in self._layers if row.layer not in there]:
            row.release()
            self._layers.remove(row)
            self._discard(row)
        known = {id(row.layer): row for row in self._layers}
        self._layers = [known.get(id(layer)) or self._layer_row(layer) for layer in there]
        for place, row in enumerate(self._layers):
            self._rows.insertWidget(place + 1, row)
        self._show_nothing()
        if any(layer not in there for layer in was_used):
            self._on_changed()

    def _layer_row(self, layer: Any) -> LayerRow:
        row = LayerRow(layer, self)
        row.changed.connect(self._on_changed)
        return row

    def _add(self, paths: Sequence[Any], kind: ItemKind) -> None:
        row = PathRow([Path(path) for path in paths], kind, self)
        row.changed.connect(self._on_changed)
        row.removed.connect(partial(self._on_remove, row))
        self._paths.append(row)
        self._rows.addWidget(row)
        self._show_nothing()

    def _on_remove(self, row: PathRow) -> None:
        self._remove(row)
        self._on_changed()

    def _remove(self, row: PathRow) -> None:
        self._paths.remove(row)
        self._discard(row)
        self._show_nothing()

    def _discard(self, row: QWidget) -> None:
        # deleteLater takes effect in the event loop; until then the row must not show
        row.hide()
        self._rows.removeWidget(row)
        row.deleteLater()

    def _show_nothing(self) -> None:
        self._nothing.setVisible(not self._layers and not self._paths)

    def _on_changed(self) -> None:
        self.check.clear()
        self.valueChanged.emit()

    def _on_add_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Sharp images, or planes of one z-stack")
        if folder:
            self.add_paths([folder])

    def _on_add_files(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        files, _ = QFileDialog.getOpenFileNames(
            self, "Sharp images, or z-stacks", "", f"Images ({patterns})"
        )
        stacks = [file for file in files if len(files) > 1 and likely_kind([Path(file)]) == "stack"]
        for file in stacks:  # each file is a stack of its own
            self.add_paths([file], "stack")
        rest = [file for file in files if file not in stacks]
        if rest:
            self.add_paths(rest)
