"""Something to learn from, as a row that is ticked or not: a layer, or a folder or files."""

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
from napari_umis_fusion.training.session import ScriptSource

KINDS: dict[ItemKind, str] = {"image": "sharp images", "stack": "z-stack"}

_LOOKED_AT = 4
"""Files whose headers tell whether a folder may be a stack: reading all would take too long."""

_WATCHED = ("name", "data", "axis_labels", "scale", "units")


class DataRow(QWidget):
    """A box with a name, and below it what it stands for.

    Signals
    -------
    changed()
        It was ticked or unticked, or stands for something else.
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
        """Whether it is ticked, and can be used."""
        return self.box.isChecked() and self.box.isEnabled()

    def show_text(self, name: str, says: str) -> None:
        """Show what it is."""
        self._name = name
        self.box.setToolTip(name)
        self.message.setText(says)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Shorten the name to what fits."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = max(40, self.box.width() - 28)
        middle = Qt.TextElideMode.ElideMiddle
        text = self.box.fontMetrics().elidedText(self._name, middle, room)
        self.box.setText(text.replace("&", "&&"))


class LayerRow(DataRow):
    """A layer; follows its name and its data until it is released.

    Parameters
    ----------
    layer : napari.layers.Image
        Which.
    parent : QWidget
        Owner of the row.
    """

    def __init__(self, layer: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self.layer = layer
        self.item = self._look()
        for name in _WATCHED:
            getattr(layer.events, name).connect(self._on_layer)

    def release(self) -> None:
        """Follow the layer no more."""
        for name in _WATCHED:
            getattr(self.layer.events, name).disconnect(self._on_layer)

    def _look(self) -> TrainingItem:
        item = training_item(self.layer)
        prefix = f"{item.kind}, " if item.kind else "not used: "
        self.show_text(item.name, f"{prefix}{item.summary}")
        for part in (self.box, self.message):
            part.setEnabled(item.kind is not None)
        return item

    def _on_layer(self, event: Any = None) -> None:
        self.item = self._look()
        if self.box.isChecked():
            self.changed.emit()


class PathRow(DataRow):
    """A folder or files; ticked from the start.

    Parameters
    ----------
    paths : sequence of Path
        A folder, or files.
    kind : {"image", "stack"}
        What they are taken for, unless the user says otherwise.
    parent : QWidget
        Owner of the row.

    Signals
    -------
    removed()
        The user wants it to go.
    """

    removed = Signal()

    def __init__(self, paths: Sequence[Path], kind: ItemKind, parent: QWidget) -> None:
        super().__init__(parent)
        self.paths = tuple(str(path) for path in paths)
        self._kind = QComboBox(self)
        for name, text in KINDS.items():
            self._kind.addItem(text, name)
        self._kind.setToolTip(
            "A z-stack is fused first, and cut where it is sharp; images are taken as they are."
        )
        self._remove = QToolButton(self)
        self._remove.setText("✕")
        self._remove.setToolTip("Take it off the list; no file is deleted.")
        self.grid.addWidget(self._kind, 0, 1)
        self.grid.addWidget(self._remove, 0, 2)
        self.box.setChecked(True)
        self.kind = kind
        self.show_text(paths_name(paths), str(paths[0].parent))
        self._kind.currentIndexChanged.connect(lambda index: self.changed.emit())
        self._remove.clicked.connect(self.removed)

    @property
    def kind(self) -> ItemKind:
        """What they are taken for."""
        kind: ItemKind = self._kind.currentData()
        return kind

    @kind.setter
    def kind(self, kind: ItemKind) -> None:
        self._kind.setCurrentIndex(self._kind.findData(kind))

    def data(self) -> list[Any]:
        """Return images, or the one stack, as `TrainingData` takes them."""
        alone = self.kind == "image" or len(self.paths) == 1
        return list(self.paths) if alone else [list(self.paths)]

    def sources(self) -> list[ScriptSource]:
        """Return what a script calls them by."""
        paths: list[Any] = self.data()
        return [ScriptSource(self.kind, self._name, path) for path in paths]


def paths_name(paths: Sequence[Path]) -> str:
    """Return a name for a folder or files."""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0].name or paths[0]}{more}"


def likely_kind(paths: Sequence[Path]) -> ItemKind:
    """Tell from a few headers whether a folder or files are one z-stack; never raises."""
    try:
        if not holds_stack(paths[0] if len(paths) == 1 else paths):
            return "image"
        files = list_files(list(paths))
        if len(files) > 1:  # of one size?
            last = len(files) - 1
            ImageListStack([files[k * last // (_LOOKED_AT - 1)] for k in range(_LOOKED_AT)])
    except Exception:  # broken files are told about when they are read
        return "image"
    return "stack"
