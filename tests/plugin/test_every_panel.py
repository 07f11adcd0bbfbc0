"""What holds in every panel: the wheel only scrolls, Tab gets through, each field has a name."""

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QLocale, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QScrollArea,
    QSlider,
    QTabBar,
    QTabWidget,
    QWidget,
)

from napari_umis_fusion.plugin.acquire import AcquireWidget
from napari_umis_fusion.plugin.batch import BatchWidget
from napari_umis_fusion.plugin.compare import CompareWidget
from napari_umis_fusion.plugin.fusion import FusionWidget
from napari_umis_fusion.plugin.retouch import RetouchWidget
from napari_umis_fusion.plugin.slab import SlabWidget
from napari_umis_fusion.plugin.surface import SurfaceWidget
from napari_umis_fusion.plugin.training import TrainingWidget
from napari_umis_fusion.plugin.widgets import prepare_boxes

PANELS = (
    AcquireWidget,
    BatchWidget,
    CompareWidget,
    FusionWidget,
    RetouchWidget,
    SlabWidget,
    SurfaceWidget,
    TrainingWidget,
)


@pytest.fixture(params=PANELS)
def panel(request, qtbot):
    """Return each panel in turn, without a window."""
    made = request.param(ViewerModel())
    qtbot.addWidget(made, before_close_func=lambda one: one.close_down())
    return made


def turn_wheel(box):
    """Turn the wheel over a widget; return whether it left that to what is around it."""
    where, turn = QPointF(5, 5), QPoint(0, -120)
    flags = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(where, where, turn, turn, *flags, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(box, event)
    return not event.isAccepted()


def value_of(box):
    return box.currentIndex() if isinstance(box, QComboBox) else box.value()


def test_the_wheel_scrolls_the_panel_and_changes_nothing(panel):
    kinds = QAbstractSpinBox, QComboBox, QSlider
    boxes = [box for kind in kinds for box in panel.findChildren(kind)]
    before = [value_of(box) for box in boxes]
    assert [box for box in boxes if box.isEnabled() and not turn_wheel(box)] == []
    assert [value_of(box) for box in boxes] == before


@pytest.mark.parametrize("locale", ["en_GB", "de_DE"])
@pytest.mark.parametrize("typed", ["12.5", "12,5"])
def test_numbers_may_have_either_decimal_mark(qtbot, locale, typed):
    box = QDoubleSpinBox(decimals=3, maximum=1000)
    qtbot.addWidget(box)
    box.setLocale(QLocale(locale))
    prepare_boxes(box)
    box.selectAll()
    qtbot.keyClicks(box, typed)
    assert box.value() == 12.5


def test_the_tab_key_gets_out_of_every_table(panel):
    tables = panel.findChildren(QAbstractItemView)
    assert [table for table in tables if table.tabKeyNavigation()] == []


def test_screen_readers_can_name_all_that_the_keyboard_reaches(panel):
    reached = [
        child
        for child in panel.findChildren(QWidget)
        if child.focusPolicy() & Qt.FocusPolicy.TabFocus
        and child.window() is panel.window()  # not in the list that a box opens
        and child.focusProxy() is None
        and not isinstance(child, (QScrollArea, QTabBar, QTabWidget))
        and not isinstance(child.parent(), (QAbstractSpinBox, QComboBox))
    ]
    labelled = {label.buddy(): label.text() for label in panel.findChildren(QLabel)}
    unnamed = [
        child
        for child in reached
        if not child.accessibleName()
        and child not in labelled
        and not any(map(str.isalpha, getattr(child, "text", str)()))
    ]
    assert [(type(child).__name__, child.toolTip()) for child in unnamed] == []
