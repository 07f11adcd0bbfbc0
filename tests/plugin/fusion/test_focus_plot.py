"""The plot of a focus curve: what it draws, marks, and tells of clicks."""

import gc
import weakref

import numpy as np
import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QApplication, QLabel

from napari_umis_fusion.plugin.fusion._focus_plot import MIN_HEIGHT_PX, FocusPlot, MarkedFocus

pytestmark = pytest.mark.binding

DEPTHS = np.arange(6) * 0.5
FOCUS = np.array([1.0, 2, 8, 4, 2, 1])
DARK = "#262930", "#f0f1f2", "#4b9ce8"


@pytest.fixture
def plot(qtbot):
    plot = FocusPlot()
    qtbot.addWidget(plot)
    plot.resize(300, 180)
    plot.show()
    return plot


def show(plot, focus=FOCUS, z_values=DEPTHS, **options):
    planes = {"chosen": 2, "source": 3, "current": 0, "unit": "µm"} | options
    shown = [np.asarray(values, np.float64) for values in (z_values, focus)]
    plot.setValue(MarkedFocus(*shown, **planes))
    QApplication.processEvents()


def lines(plot):
    """Return where lines stand."""
    return {name: line.value() for name, line in plot._lines.items() if line.isVisible()}


def legend(plot):
    return plot._legend.text()


def pixels(plot):
    """Return what is on screen: ndarray of shape (Y, X, 3), uint8."""
    QApplication.processEvents()
    image = plot.grab().toImage().convertToFormat(plot.grab().toImage().Format.Format_RGB888)
    size = image.sizeInBytes()
    bits = image.constBits()
    if hasattr(bits, "setsize"):
        bits.setsize(size)
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def shows(plot, colour):
    """Count pixels of about a colour."""
    wanted = np.array(QColor(colour).getRgb()[:3])
    return int((abs(pixels(plot) - wanted.astype(int)).max(axis=-1) < 8).sum())


def items(plot):
    return [*plot._chart.scene().items()]


def test_curve_items_are_made_once(plot):
    show(plot)
    before = plot._curve, dict(plot._lines), set(map(id, items(plot)))
    for k in range(100):
        show(plot, np.roll(FOCUS, k), chosen=k % 6, current=(k + 1) % 6)
    assert (plot._curve, plot._lines) == before[:2]
    assert set(map(id, items(plot))) == before[2]


def test_curve_shows_focus_over_depth(plot):
    show(plot)
    x, y = plot._curve.getData()
    np.testing.assert_array_equal(x, DEPTHS)
    np.testing.assert_array_equal(y, FOCUS)
    (left, right), (bottom, top) = plot._chart.view.viewRange()
    assert left < 0 < 2.5 < right < 3
    assert bottom < 0 < 8 < top < 10


def test_relative_focus_is_a_share_of_its_maximum(plot):
    show(plot, FOCUS * 1e20, is_relative=True)
    np.testing.assert_allclose(plot._curve.getData()[1], FOCUS / 8)
    assert "relative focus" in plot._chart.y_axis.labelString()
    show(plot)
    assert "relative" not in plot._chart.y_axis.labelString()


@pytest.mark.parametrize(("unit", "label"), [("µm", "depth (µm)"), ("", "plane")])
def test_depth_is_named_with_its_unit(plot, unit, label):
    show(plot, unit=unit)
    assert label in plot._chart.x_axis.labelString()


def test_planes_are_counted_in_whole_numbers(plot):
    show(plot, FOCUS[:3], np.arange(3), unit="")
    assert [spacing for spacing, _ in plot._chart.x_axis.tickSpacing(0, 2, 250)] == [1]
    show(plot, FOCUS[:3], np.arange(3), unit="µm")
    assert plot._chart.x_axis.tickSpacing(0, 2, 250)[0][0] < 1


def test_lines_stand_at_the_planes(plot):
    show(plot)
    assert lines(plot) == {"chosen": 1.0, "source": 1.5, "current": 0.0}
    styles = {name: line.pen.style() for name, line in plot._lines.items()}
    assert styles["chosen"] == Qt.PenStyle.SolidLine
    assert styles["current"] == Qt.PenStyle.DashLine
    for words in ("index&nbsp;2", "value&nbsp;from&nbsp;3", "shown&nbsp;0"):
        assert words in legend(plot)


def test_the_source_is_marked_only_where_it_is_another_plane(plot):
    show(plot, source=2)
    assert set(lines(plot)) == {"chosen", "current"}
    assert "value" not in legend(plot)
    show(plot, chosen=None, source=None, current=None)
    assert (lines(plot), legend(plot)) == ({}, "")


@pytest.mark.parametrize(("z", "place"), [(5, 2.5), (0, 0.0), (None, None), (6, None), (-1, None)])
def test_set_current_moves_one_line(plot, z, place):
    show(plot)
    plot.set_current(z)
    assert lines(plot).get("current") == place
    assert lines(plot)["chosen"] == 1.0
    assert ("shown" in legend(plot)) == (place is not None)


@pytest.mark.parametrize(
    "focus",
    [[1, np.nan, 3, 4, np.nan, 2], [np.nan] * 6, [0.0] * 6, [np.inf, 1, 2, 1, 1, 1]],
    ids=str,
)
@pytest.mark.parametrize("relative", [False, True])
def test_values_that_cannot_be_drawn_leave_gaps(plot, focus, relative):
    show(plot, focus, is_relative=relative)
    drawn = plot._curve.getData()[1]
    if drawn is not None:
        np.testing.assert_array_equal(np.isfinite(drawn), np.isfinite(focus))
    assert np.isfinite(plot._chart.view.viewRange()).all()
    pixels(plot)


def test_values_are_given_back_and_changes_told(qtbot, plot):
    with qtbot.waitSignal(plot.valueChanged, timeout=1000):
        show(plot)
    given = plot.value()
    assert (given.chosen, given.source, given.current) == (2, 3, 0)
    with qtbot.waitSignal(plot.valueChanged, timeout=1000):
        plot.set_current(4)
    assert plot.value().current == 4
    assert plot.value().z_values is given.z_values
    with qtbot.waitSignal(plot.valueChanged, timeout=1000):
        plot.clear("Click a pixel.")
    assert plot.value() is None
    with qtbot.assertNotEmitted(plot.valueChanged):
        plot.set_current(1)


def test_single_planes_have_room(plot):
    show(plot, [3.0], [0.0], chosen=0, source=0, current=0)
    left, right = plot._chart.view.viewRange()[0]
    assert left < 0 < right


def click(qtbot, plot, x, y, button=Qt.MouseButton.LeftButton):
    chart = plot._chart
    place = chart.mapFromScene(chart.view.mapViewToScene(QPointF(x, y)))
    qtbot.mouseClick(chart.viewport(), button, pos=QPoint(place))


@pytest.mark.parametrize("depths", [DEPTHS, DEPTHS[::-1], DEPTHS**2])
@pytest.mark.parametrize("z", [0, 2, 5])
def test_clicks_tell_the_nearest_plane(qtbot, plot, depths, z):
    show(plot, z_values=depths)
    for shift in (-0.1, 0.1):
        with qtbot.waitSignal(plot.planeClicked, timeout=1000) as told:
            click(qtbot, plot, np.clip(depths[z] + shift, min(depths), max(depths)), 4.0)
        assert told.args == [z]


def test_other_clicks_tell_nothing(qtbot, plot):
    show(plot)
    with qtbot.assertNotEmitted(plot.planeClicked, wait=50):
        click(qtbot, plot, 1.0, 4.0, Qt.MouseButton.RightButton)
        qtbot.mouseClick(plot._chart.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
        qtbot.mouseClick(plot._legend, Qt.MouseButton.LeftButton)


def test_clear_shows_a_message_instead(qtbot, plot):
    show(plot)
    assert plot._chart.isVisible()
    plot.clear("Click a pixel.")
    assert not plot._chart.isVisible()
    assert [label.text() for label in plot.findChildren(QLabel) if label.isVisible()] == [
        "Click a pixel."
    ]
    plot.set_current(1)
    with qtbot.assertNotEmitted(plot.planeClicked, wait=20):
        plot._on_clicked(1.0)
    show(plot)
    assert plot._chart.isVisible()
    assert lines(plot)["current"] == 0.0


def test_own_colours(plot):
    show(plot)
    plot.set_colours(*DARK)
    total = plot.width() * plot.height()
    assert shows(plot, DARK[0]) > 0.7 * total
    assert shows(plot, DARK[1]) > 100
    assert shows(plot, DARK[2]) > 100
    plot.setPalette(QPalette(QColor("red")))
    plot.clear("Click a pixel.")
    assert shows(plot, DARK[0]) > 0.7 * total


@pytest.mark.parametrize(
    ("background", "accent"),
    [("#ebe7e6", "#a0b8ff"), ("#23242b", "#4560c4"), ("#000000", "#000000")],
)
def test_accents_near_to_the_background_are_made_to_stand_out(plot, background, accent):
    show(plot)
    plot.set_colours(background, "grey", accent)
    used = plot._lines["chosen"].pen.color()
    levels = sorted(luminance(colour) for colour in (used, QColor(background)))
    assert 2.9 <= (levels[1] + 0.05) / (levels[0] + 0.05) < 4.5
    assert used.name() in legend(plot)
    assert abs(used.hue() - QColor(accent).hue()) <= 2


def luminance(colour):
    """As the Web Content Accessibility Guidelines define it."""
    srgb = np.array(colour.getRgbF()[:3])
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return light @ (0.2126, 0.7152, 0.0722)


def test_colours_follow_the_palette(plot):
    show(plot)
    palette = plot.palette()
    for role, colour in zip(("Window", "WindowText", "Highlight"), DARK, strict=True):
        palette.setColor(getattr(QPalette.ColorRole, role), QColor(colour))
    plot.setPalette(palette)
    assert shows(plot, DARK[0]) > 0.7 * plot.width() * plot.height()
    assert shows(plot, DARK[1]) > 100
    assert shows(plot, DARK[2]) > 100


def test_labels_fit_into_the_least_size(plot):
    plot.resize(300, 10)
    show(plot, is_relative=True)
    assert plot.height() == MIN_HEIGHT_PX
    chart = plot._chart
    area = chart.sceneRect()
    for axis in (chart.x_axis, chart.y_axis):
        assert area.contains(axis.label.sceneBoundingRect().center())
        text = axis.label.document().size()
        side = chart.view.width() if axis is chart.x_axis else area.height()
        assert text.width() - 2 * axis.label.document().documentMargin() <= side
    assert chart.view.height() > 50


def test_nothing_is_left_after_closing(qtbot):
    before = set(QApplication.topLevelWidgets())
    plot = FocusPlot()
    plot.show()
    show(plot)
    gone = [weakref.ref(item) for item in (plot, plot._chart, plot._curve)]
    plot.close()
    plot.deleteLater()
    del plot
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    gc.collect()
    assert [item() for item in gone] == [None] * 3
    assert set(QApplication.topLevelWidgets()) <= before
