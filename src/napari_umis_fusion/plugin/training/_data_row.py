"""A row of training data that can be ticked: a layer, or a folder or files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from napari_umis_fusion.files.read import ImageListStack, holds_stack, list_files
from napari_umis_fusion.layers import ItemKind, TrainingItem, training_item
from napari_umis_fusion.plugin.widgets import prepare_boxes
from napari_umis_fusion.training.session import ScriptSource

KINDS: dict[ItemKind, str] = {"image": "sharp images", "stack": "z-stack"}

_SAMPLED_FILES = 4
"""Files whose headers decide whether a folder may be a stack: reading all would take too long."""

_OBSERVED = ("name", "data", "axis_labels", "scale", "units")


class DataRow(QWidget):
    """A checkbox with a name, and a description below it.

    Signals
    -------
    changed()
        It was ticked or unticked, or its content has changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._name = ""
        self.box, self.message = QCheckBox(self), QLabel(self)
        self.box.setStyleSheet("QCheckBox { font-weight: bold; }")
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setIndent(22)
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 2)
        self.grid.setVerticalSpacing(0)
        self.grid.addWidget(self.box, 0, 0)
        self.grid.addWidget(self.message, 1, 0, 1, 3)
        self.grid.setColumnStretch(0, 1)
        self.box.toggled.connect(self.changed)

    @property
    def is_used(self) -> bool:
        """Whether it is ticked and usable."""
        return self.box.isChecked() and self.box.isEnabled()

    def show_text(self, name: str, description: str) -> None:
        """Show name and description."""
        self._name = name
        self.box.setToolTip(name)
        self.message.setText(description)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Shorten the name to the available width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = max(40, self.box.width() - 28)  # less the width of the tick box
        middle = Qt.TextElideMode.ElideMiddle
        text = self.box.fontMetrics().elidedText(self._name, middle, room)
        self.box.setText(text.replace("&", "&&"))  # a single & would mark a keyboard shortcut


class LayerRow(DataRow):
    """A layer; follows its name and data until `release`.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer.
    parent : QWidget
        Owner of the row.
    """

    def __init__(self, layer: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self.layer = layer
        self.item = self._read_item()
        for name in _OBSERVED:
            getattr(layer.events, name).connect(self._on_layer)

    def release(self) -> None:
        """Disconnect from the layer."""
        for name in _OBSERVED:
            getattr(self.layer.events, name).disconnect(self._on_layer)

    def _read_item(self) -> TrainingItem:
        item = training_item(self.layer)
        prefix = f"{item.kind}, " if item.kind else "not used: "
        self.show_text(item.name, f"{prefix}{item.summary}")
        for part in (self.box, self.message):
            part.setEnabled(item.kind is not None)
        return item

    def _on_layer(self, event: Any = None) -> None:
        self.item = self._read_item()
        if self.box.isChecked():
            self.changed.emit()


class PathRow(DataRow):
    """A folder or files; ticked at first.

    Parameters
    ----------
    paths : sequence of Path
        A folder, or files.
    kind : {"image", "stack"}
        What they hold, unless the user selects the other kind.
    parent : QWidget
        Owner of the row.

    Signals
    -------
    removed()
        The user has pressed the button that removes it.
    """

    removed = Signal()

    def __init__(self, paths: Sequence[Path], kind: ItemKind, parent: QWidget) -> None:
        super().__init__(parent)
        self.paths = tuple(str(path) for path in paths)
        self._kind = QComboBox(self)
        for name, text in KINDS.items():
            self._kind.addItem(text, name)
        self._kind.setToolTip(
            "A z-stack is fused first and its sharp regions are used; images are used as they are."
        )
        self._kind.setAccessibleName("what they hold")
        prepare_boxes(self._kind)
        self._remove = QToolButton(self)
        self._remove.setText("✕")
        self._remove.setAccessibleName("remove")
        self._remove.setToolTip("Remove from the list. No file is deleted.")
        self.grid.addWidget(self._kind, 0, 1)
        self.grid.addWidget(self._remove, 0, 2)
        self.box.setChecked(True)
        self.kind = kind
        self.show_text(paths_name(paths), str(paths[0].parent))
        self._kind.currentIndexChanged.connect(lambda index: self.changed.emit())
        self._remove.clicked.connect(self.removed)

    @property
    def kind(self) -> ItemKind:
        """What they hold: sharp images or one z-stack."""
        kind: ItemKind = self._kind.currentData()
        return kind

    @kind.setter
    def kind(self, kind: ItemKind) -> None:
        self._kind.setCurrentIndex(self._kind.findData(kind))

    def data(self) -> list[Any]:
        """Return the images, or the one stack, as `TrainingData` accepts them."""
        alone = self.kind == "image" or len(self.paths) == 1
        return list(self.paths) if alone else [list(self.paths)]

    def sources(self) -> list[ScriptSource]:
        """Return the sources as a script refers to them."""
        paths: list[Any] = self.data()
        return [ScriptSource(self.kind, self._name, path) for path in paths]


def paths_name(paths: Sequence[Path]) -> str:
    """Return a name for a folder or files."""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0].name or paths[0]}{more}"


def likely_kind(paths: Sequence[Path]) -> ItemKind:
    """Guess from a few headers whether a folder or files are one z-stack; never raises."""
    try:
        if not holds_stack(paths[0] if len(paths) == 1 else paths):
            return "image"
        files = list_files(list(paths))
        if len(files) > 1:  # the constructor raises if their sizes differ
            last = len(files) - 1
            ImageListStack([files[k * last // (_SAMPLED_FILES - 1)] for k in range(_SAMPLED_FILES)])
    except Exception:  # unreadable files are reported when they are read
        return "image"
    return "stack"
