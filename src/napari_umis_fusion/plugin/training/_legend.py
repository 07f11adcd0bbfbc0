"""The legend of the training chart: a table to name, switch and read the curves."""

from collections.abc import Collection, Mapping, Sequence

from qtpy.QtCore import QPointF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QResizeEvent
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QSizePolicy, QWidget

from napari_umis_fusion.plugin.training._pages import CurveRow

SWATCH_PX = QSize(16, 12)
MIN_NAME_PX = 100
COLUMNS = 3
NOTHING = "–"

Numbers = Sequence[float | None]


class TrainingLegend(QWidget):
    """Switches curves on and off, and shows their values at one step.

    pyqtgraph's own legend is used in exported pictures: it has neither values nor checkboxes that
    the keyboard reaches.

    Parameters
    ----------
    parent : QWidget
        Owner of the legend.

    Signals
    -------
    valueChanged()
        A curve was switched on or off.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.boxes: dict[str, QCheckBox] = {}
        self.numbers: dict[str, list[QLabel]] = {}
        self.rows: list[CurveRow] = []
        self._table = QGridLayout(self)
        self._table.setContentsMargins(6, 0, 10, 0)
        self._table.setVerticalSpacing(2)
        self._table.setHorizontalSpacing(8)
        self._table.setColumnStretch(0, 1)
        self.place = QLabel(self)
        self.heads = [_right(QLabel(self)) for _ in range(COLUMNS)]
        for column, label in enumerate((self.place, *self.heads)):
            self._table.addWidget(label, 0, column)

    def value(self) -> list[str]:
        """Return the names of the rows that are switched on."""
        return [row.words for row in self.wanted]

    def setValue(self, words: Collection[str]) -> None:  # noqa: N802
        """Switch on the rows of these names, and the others off."""
        for row in self.rows:
            self.boxes[row.words].setChecked(row.words in words)

    @property
    def wanted(self) -> list[CurveRow]:
        """Rows that are switched on."""
        return [row for row in self.rows if self.boxes[row.words].isChecked()]

    def set_rows(self, rows: Sequence[CurveRow], columns: int) -> None:
        """Show these rows with so many values each; rows that were switched off stay off."""
        self.rows = list(rows)
        for row in rows:
            if row.words not in self.boxes:
                self._add(row.words)
        shown = [row.words for row in rows]
        for words, box in self.boxes.items():
            box.setVisible(words in shown)
            for column, label in enumerate(self.numbers[words]):
                label.setVisible(words in shown and column < columns)
        for column, label in enumerate(self.heads):
            label.setVisible(column < columns)

    def show_values(self, place: str, heads: Sequence[str], numbers: Mapping[str, Numbers]) -> None:
        """Show the step, and the values of each row at it under these column heads."""
        self.place.setText(place)
        for words, labels in ((None, self.heads), *self.numbers.items()):
            found = heads if words is None else [format_value(n) for n in numbers.get(words, ())]
            for label, text in zip(labels, [*found, *[""] * COLUMNS], strict=False):
                label.setText(text)

    def paint(self, foreground: QColor, colours: Mapping[str, QColor]) -> None:
        """Recolour everything; rows by their names."""
        sheet = f"QLabel, QCheckBox {{ color: {foreground.name()}; background: transparent; }}"
        if sheet != self.styleSheet():
            self.setStyleSheet(sheet)
        for words, box in self.boxes.items():
            if words in colours:
                box.setIcon(QIcon(_swatch(colours[words])))

    def _add(self, words: str) -> None:
        box = _NameBox(words, self)
        box.setChecked(True)
        box.setIconSize(SWATCH_PX)
        box.setToolTip(f"Show or hide {words}.")
        box.toggled.connect(self.valueChanged)
        self.boxes[words] = box
        self.numbers[words] = [_right(QLabel(self)) for _ in range(COLUMNS)]
        line = self._table.rowCount()
        for column, part in enumerate((box, *self.numbers[words])):
            self._table.addWidget(part, line, column)


class _NameBox(QCheckBox):
    """A checkbox that shortens its text to the available width."""

    def __init__(self, words: str, parent: QWidget) -> None:
        super().__init__(words, parent)
        self._words = words
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size for the full text."""
        missing = self.fontMetrics().horizontalAdvance(self._words)
        missing -= self.fontMetrics().horizontalAdvance(self.text())
        return super().sizeHint() + QSize(missing, 0)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return a smaller size, at which the text is shortened."""
        hint = self.sizeHint()
        return QSize(min(hint.width(), MIN_NAME_PX), hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Shorten the text to the new width."""
        super().resizeEvent(event)
        room = self.width() - self.sizeHint().width()
        room += self.fontMetrics().horizontalAdvance(self._words)
        elided = self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, room)
        if elided != self.text():
            self.setText(elided)


def format_value(value: float | None) -> str:
    """Return a number with four digits, or a dash."""
    if value is None:
        return NOTHING
    is_plain = 1e-3 <= abs(value) < 1e4
    return (f"{value:#.4g}" if is_plain else f"{value:.4g}").replace("-", "\N{MINUS SIGN}")


def _right(label: QLabel) -> QLabel:
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return label


def _swatch(colour: QColor) -> QPixmap:
    pixmap = QPixmap(SWATCH_PX * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 3))
    middle = SWATCH_PX.height() / 2
    painter.drawLine(QPointF(2, middle), QPointF(SWATCH_PX.width() - 2, middle))
    painter.end()
    return pixmap
