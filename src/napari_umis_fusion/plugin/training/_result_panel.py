"""The result of a training beside its initial weights, in numbers and pictures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.plugin.widgets import Message
from napari_umis_fusion.runtime import capitalised
from napari_umis_fusion.training import Comparison, TrainingResult
from napari_umis_fusion.training.session import (
    OTHER_SPECIMENS,
    REASONS,
    describe_gain,
    describe_verdict,
)

PICTURE_PX = 112
"""Side of a picture in the panel; Show as layers opens them in full size."""

NOTHING = "After a training, its result is compared with the initial weights here."

SAMPLES = ("truth", "initial", "result")
"""Pictures of a comparison: the known sharp image, and both fusions."""


class ResultPanel(QWidget):
    """Shows a result and offers to use, save or discard it.

    Signals
    -------
    use_clicked(), keep_clicked(), discard_clicked(), show_clicked()
        A button was pressed: save the result and use it, only save it, discard it, open the
        pictures as layers.
    """

    use_clicked = Signal()
    keep_clicked = Signal()
    discard_clicked = Signal()
    show_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.message = Message(NOTHING)
        self.table = QGridLayout()
        self.pictures = QGridLayout()
        self.name = QLineEdit()
        self.name.setPlaceholderText("name of the model")
        self.name.setAccessibleName("name of the model")
        self.use, self.keep = QPushButton("Use"), QPushButton("Save to library")
        self.discard, self.show_layers = QPushButton("Discard"), QPushButton("Show as layers")
        self.use.setToolTip("Save the weights to the library and use them for fusion from now on.")
        self.keep.setToolTip("Save the weights to the library. Fusion keeps its current weights.")
        self.discard.setToolTip("Delete this result. The initial weights stay.")
        self.show_layers.setToolTip("Open truth, initial result and new result as image layers.")
        self._lay_out()
        self.clear()

    def clear(self) -> None:
        """Show no result."""
        self.show_decision(NOTHING, None)

    def show_decision(self, text: str, comparison: Comparison | None) -> None:
        """Show a result after the decision, which `text` describes."""
        self.message.setText(text)
        self._fill(comparison)
        self._offer(saving=False)

    def show_result(self, result: TrainingResult, name: str) -> None:
        """Show a result, and offer to use, save or discard it.

        Parameters
        ----------
        result : TrainingResult
            The result.
        name : str
            Name of the model, which the user can change.
        """
        self.name.setText(name)
        self.message.setText(f"{capitalised(REASONS[result.reason])}. {_verdict(result)}")
        self._fill(result.comparison)
        self._offer(saving=result.improved)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.message)
        layout.addLayout(self.table)
        layout.addLayout(self.pictures)
        layout.addWidget(self.show_layers)
        layout.addWidget(self.name)
        buttons = QHBoxLayout()
        for button in (self.use, self.keep, self.discard):
            buttons.addWidget(button)
        layout.addLayout(buttons)
        self.use.clicked.connect(self.use_clicked)
        self.keep.clicked.connect(self.keep_clicked)
        self.discard.clicked.connect(self.discard_clicked)
        self.show_layers.clicked.connect(self.show_clicked)

    def _offer(self, *, saving: bool) -> None:
        for part in (self.name, self.use, self.keep, self.discard):
            part.setVisible(saving)

    def _fill(self, comparison: Comparison | None) -> None:
        self.comparison = comparison
        for room in (self.table, self.pictures):
            while (item := room.takeAt(0)) is not None:
                widget = item.widget()
                widget.hide()
                widget.deleteLater()
        self.show_layers.setVisible(comparison is not None)
        if comparison is None:
            return
        for column, title in enumerate(("", "initial", "result"), 0):
            self.table.addWidget(QLabel(f"<b>{title}</b>"), 0, column)
        for number, texts in enumerate(comparison_rows(comparison), 1):
            for column, text in enumerate(texts):
                self.table.addWidget(QLabel(text), number, column)
        for column, name in enumerate(SAMPLES):
            self.pictures.addWidget(_picture(comparison.samples[name], name), 0, column)
            self.pictures.addWidget(QLabel(name), 1, column)


def comparison_rows(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Return title, initial score and score of the result of each row of the table."""
    scores = (comparison.initial, comparison.trained)
    lines = [
        ("PSNR (dB)", *(f"{score['psnr']:.2f}" for score in scores)),
        ("SSIM", *(f"{score['ssim']:.4f}" for score in scores)),
        ("false edges", *(f"{100 * score['false_edges']:.3f} %" for score in scores)),
    ]
    return [(title, initial, trained) for title, initial, trained in lines]


def _verdict(result: TrainingResult) -> str:
    if not result.steps_done:
        return "No step was made."
    comparison = result.comparison
    if comparison is None and not result.improved:
        return "No weights were better than the initial ones on the validation set, so those stay."
    if comparison is None:
        return "It was not compared with the initial weights."
    kept = OTHER_SPECIMENS if result.improved else "The initial weights stay."
    verdict = capitalised(describe_verdict(comparison))
    return f"<b>{verdict}</b>: {describe_gain(comparison)}. {kept}"


def _picture(picture: NDArray[np.float32], title: str) -> QLabel:
    label = QLabel()
    grey = np.ascontiguousarray(np.rint(picture * 255).astype(np.uint8))
    height, width = grey.shape
    image: Any = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
    pixmap = QPixmap.fromImage(image.copy())
    mode = Qt.TransformationMode.SmoothTransformation
    label.setPixmap(pixmap.scaled(PICTURE_PX, PICTURE_PX, Qt.AspectRatioMode.KeepAspectRatio, mode))
    label.setToolTip(
        f"{title}: one of the stacks on which the result was compared with the initial weights."
    )
    return label
