"""The plots of a training: what they keep, draw, read and save, and how little they leave."""

import csv
import gc
import math
import re
import weakref
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import QCoreApplication, QEvent, QPoint, QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPalette, QWheelEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QScrollArea

from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.plugin.training._plot import TrainingPlot
from napari_umis_fusion.plugin.widgets._plot_colours import MIN_CONTRAST, luminance
from napari_umis_fusion.training import LossCurve, StepDone, Validated, Working
from napari_umis_fusion.training._smoothing import MAX_POINTS

pytestmark = pytest.mark.binding

DARK = "#262930", "#f0f1f2", "#4b9ce8"
LIGHT = "#ebe7e6", "#3b3a39", "#a0b8ff"
LOSSES = ("total", "mse", "ssim")


def step(number, total=None, rate=1e-3):
    total = 3 / number if total is None else total
    return StepDone(number, 10_000, {"total": total, "mse": total / 3, "ssim": total / 2}, rate)


def validated(number, psnr, loss=0.5):
    metrics = {"negative_loss": -loss, "loss": loss, "psnr": psnr, "mse": loss / 3, "other": 1.0}
    return Validated(number, -loss, metrics | {"psnr_select": psnr - 1}, {}, True)


def training(steps=40, every=10):
    for number in range(1, steps + 1):
        yield Working(number, steps)
        yield step(number)
        if number % every == 0:
            yield validated(number, 20 + number / 10, 4 / number)


@pytest.fixture
def plot(qtbot):
    plot = TrainingPlot()
    qtbot.addWidget(plot)
    plot.resize(380, 520)
    plot.show()
    return plot


def feed(plot, events):
    for event in events:
        plot.add_event(event)
    settle(plot)


def settle(plot):
    plot._redraw()
    QApplication.processEvents()


def drawn(plot, name, which=1):
    """Return what is drawn of a column: which=0 raw, 1 smoothed."""
    item = (
        plot.chart.points[name] if name.startswith("validation") else plot.chart.lines[name][which]
    )
    return item.getData()


def is_shown(plot, name):
    items = plot.chart.lines.get(name) or [plot.chart.points[name]]
    return {item.isVisible() for item in items}.pop()


def ranges(plot):
    return np.array(plot.chart.view.viewRange())


def numbers(plot):
    """Return what the legend reads, by the words of its rows."""
    return {
        words: [label.text() for label in labels if label.text()]
        for words, labels in plot.legend.numbers.items()
        if plot.legend.boxes[words].isVisible()
    }


def pixels(widget):
    QApplication.processEvents()
    image = widget.grab().toImage()
    image = image.convertToFormat(image.Format.Format_RGB888)
    bits = image.constBits()
    if hasattr(bits, "setsize"):
        bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def count_of(picture, colour):
    wanted = np.array(QColor(colour).getRgb()[:3])
    return int((abs(picture.astype(int) - wanted).max(axis=-1) < 8).sum())


def test_10000_events_are_kept_whole_and_drawn_small(plot):
    wanted = LossCurve()
    spike = 7_321
    items = None
    for number in range(1, 10_001):
        events = [step(number, 40.0 if number == spike else None)]
        if number % 500 == 0:
            events.append(validated(number, number / 500))
        for event in events:
            wanted.add(event)
            plot.add_event(event)
        if number in (1_000, 5_000):
            settle(plot)
            items = items or set(map(id, plot.chart.scene().items()))
    settle(plot)
    assert plot.value().rows == wanted.rows
    assert set(map(id, plot.chart.scene().items())) == items, "curves are made once"
    for name in LOSSES:
        assert len(drawn(plot, name, 0)[0]) < 4 * 5 * plot.chart.view.width(), (
            "a few for each pixel"
        )
        assert len(drawn(plot, name, 1)[0]) <= MAX_POINTS
    steps, values = drawn(plot, "total", 0)
    assert values.max() == 40.0
    assert abs(steps[values.argmax()] - spike) < 20
    assert ranges(plot)[1, 1] > 40
    assert steps[0] < 20
    assert steps[-1] > 9_980
    assert len(drawn(plot, "validation_loss")[0]) == 20


def test_events_are_stored_and_drawn_later(qtbot, plot):
    settle(plot)
    feed(plot, [step(1)])
    before = drawn(plot, "total")[0].copy()
    plot.add_event(step(2))
    assert plot._timer.isActive()
    np.testing.assert_array_equal(drawn(plot, "total")[0], before)
    qtbot.waitUntil(lambda: len(drawn(plot, "total")[0]) == 2, timeout=5_000)
    qtbot.waitUntil(lambda: not plot._timer.isActive(), timeout=5_000)


def test_events_without_numbers_are_ignored(plot):
    settle(plot)
    plot.add_event(Working(1, 2))
    assert not plot._timer.isActive()
    assert plot.value().rows == []


def test_nothing_is_drawn_while_hidden(qtbot, plot):
    feed(plot, [step(1)])
    plot.add_event(step(2))
    plot.hide()
    assert not plot._timer.isActive()
    plot.add_event(step(3))
    assert not plot._timer.isActive()
    assert len(drawn(plot, "total")[0]) == 1
    plot.show()
    assert len(drawn(plot, "total")[0]) == 3


def test_pages_show_what_belongs_together(plot):
    feed(plot, training())
    assert (plot.page, set(numbers(plot))) == ("Loss", set(LOSSES))
    assert all(is_shown(plot, n) for n in (*LOSSES, "validation_loss", "validation_mse"))
    plot.page = "Score"
    assert set(numbers(plot)) == {"PSNR", "PSNR select"}
    assert is_shown(plot, "validation_psnr")
    assert not is_shown(plot, "total")
    assert "dB" in plot.chart.y_axis.labelString()
    np.testing.assert_allclose(drawn(plot, "validation_psnr")[1], [21, 22, 23, 24])
    assert 19 < ranges(plot)[1, 0] < 20 < 24 < ranges(plot)[1, 1] < 25
    plot.page = "Learning rate"
    assert numbers(plot) == {"learning rate": ["0.001000"]}
    np.testing.assert_allclose(drawn(plot, "learning_rate")[1], 1e-3)
    assert not is_shown(plot, "validation_psnr")


@pytest.mark.parametrize(
    ("page", "word"), [("Loss", "loss"), ("Score", "PSNR"), ("Learning rate", "learning rate")]
)
def test_an_empty_page_says_what_will_come(plot, page, word):
    plot.page = page
    assert plot._message.isVisible()
    assert word in plot._message.text()
    assert not plot.chart.isVisible()
    assert not plot.controls.export.isEnabled()
    feed(plot, training())
    assert plot.chart.isVisible()
    assert plot.controls.export.isEnabled()


@pytest.mark.parametrize(
    ("page", "is_log", "heights"),
    [
        ("Loss", False, [0.2, 0.2 / 3]),
        ("Loss", True, np.log10([0.2, 0.2 / 3])),
        ("Score", False, [22, 21]),
        ("Score", True, [22, 21]),
    ],
)
def test_the_best_validation_has_a_ring(plot, page, is_log, heights):
    plot.page = page
    plot.controls.log.setChecked(is_log)
    feed(plot, [step(10), validated(10, 30, 0.9), validated(20, 22, 0.2), validated(30, 31, 0.3)])
    steps, values = plot.chart.best.getData()
    assert set(steps) == {20}
    np.testing.assert_allclose(values, heights)
    if page == "Score":
        assert plot.legend.heads[1].text() == "best: step 20"
        assert numbers(plot)["PSNR"] == ["31.00", "22.00"]


def test_values_of_0_and_below_leave_gaps_in_a_logarithmic_chart(plot):
    feed(plot, [step(k, total) for k, total in enumerate([10.0, 0.0, -3.0, 0.1, 1.0], 1)])
    plot.controls.smoothing.setValue(0)
    plot.controls.log.setChecked(True)
    heights = drawn(plot, "total")[1]
    np.testing.assert_allclose(heights, [1, np.nan, np.nan, -1, 0])
    np.testing.assert_array_equal(drawn(plot, "total", 0)[1], heights)
    assert np.isfinite(ranges(plot)).all()
    pixels(plot)
    assert not plot.message.isVisible()
    plot.controls.log.setChecked(False)
    np.testing.assert_allclose(drawn(plot, "total")[1], [10, 0, -3, 0.1, 1])


def test_curves_without_a_place_on_a_logarithmic_axis_are_named(plot):
    feed(plot, [StepDone(k, 9, {"total": -k, "select": -2 * k, "edges": 0.1}, 0) for k in (1, 2)])
    plot.controls.log.setChecked(True)
    assert "cannot show total, select:" in plot.message.text()
    pixels(plot)
    plot.legend.boxes["total"].setChecked(False)
    plot.legend.boxes["select"].setChecked(False)
    assert not plot.message.isVisible()
    plot.legend.boxes["select"].setChecked(True)
    plot.page = "Learning rate"
    assert not plot.message.isVisible()
    assert not plot.chart.is_log


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("is_log", [False, True])
def test_values_that_are_not_finite_do_not_break_it(plot, value, is_log):
    plot.controls.log.setChecked(is_log)
    feed(plot, [step(1, value), validated(1, value, value)])
    pixels(plot)
    feed(plot, [step(2, 1.0), step(3, value), step(4, 2.0), validated(4, 21, 0.4)])
    np.testing.assert_array_equal(drawn(plot, "total")[0], [2, 4])
    assert np.isfinite(ranges(plot)).all()
    pixels(plot)
    np.testing.assert_array_equal(plot.value().series("total")[1], [value, 1, value, 2])
    assert plot.value().best_step == 4


def test_smoothing_leaves_the_raw_curve(plot):
    noise = np.random.default_rng(0).uniform(1, 2, 400)
    feed(plot, [step(k, value) for k, value in enumerate(noise, 1)])
    raw = drawn(plot, "total", 0)[1].copy()
    spread = []
    for amount in (0, 30, 100):
        plot.controls.smoothing.setValue(amount)
        spread.append(np.std(drawn(plot, "total")[1]))
        np.testing.assert_array_equal(drawn(plot, "total", 0)[1], raw)
    assert spread[0] == pytest.approx(np.std(noise))
    assert spread[0] > 3 * spread[1] > 3 * spread[2]
    faint, bold = (item.opts["pen"].color() for item in plot.chart.lines["total"])
    assert 0 < faint.alphaF() < 0.5
    assert bold.alphaF() == 1


def test_curves_are_switched_on_and_off(plot):
    feed(plot, training())
    top = ranges(plot)[1, 1]
    plot.legend.boxes["total"].click()
    assert [is_shown(plot, n) for n in (*LOSSES, "validation_loss")] == [False, True, True, False]
    assert ranges(plot)[1, 1] < 0.6 * top
    assert numbers(plot)["total"] == []
    plot.page = "Score"
    plot.page = "Loss"
    assert not is_shown(plot, "total")
    for words in ("mse", "ssim"):
        plot.legend.boxes[words].click()
    assert np.isfinite(ranges(plot)).all()
    for words in LOSSES:
        plot.legend.boxes[words].click()
    assert is_shown(plot, "total")
    assert ranges(plot)[1, 1] == pytest.approx(top)


def place_of(plot, number, height=1.0):
    pixels(plot)  # axes take the room for their numbers when they are painted
    at = plot.chart.view.mapViewToScene(QPointF(number, height))
    return QPoint(plot.chart.mapFromScene(at))


def move(plot, place, buttons=Qt.MouseButton.NoButton):
    """Move the mouse as far as the chart is concerned, wherever the pointer of the screen is."""
    view, at = plot.chart.viewport(), QPointF(place)
    none, nothing = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    where = view.mapToGlobal(at)
    event = QMouseEvent(QEvent.Type.MouseMove, at, where, none, buttons, nothing)
    QApplication.sendEvent(view, event)


def move_until(qtbot, plot, number, text):
    """Move the mouse to a step; moves that follow each other closely are not looked at."""

    def is_read():
        move(plot, place_of(plot, number))
        return plot.legend.place.text() == text

    qtbot.waitUntil(is_read, timeout=5_000)


def test_pointing_reads_the_nearest_step(qtbot, plot):
    feed(plot, training())
    plot.controls.smoothing.setValue(0)
    assert plot.legend.place.text() == "latest: step 40"
    assert numbers(plot)["total"] == ["0.07500", "0.07500", "0.1000"]
    for number in (1, 14, 39):
        move_until(qtbot, plot, number + 0.2, f"step {number}")
        assert plot.chart.crosshair.isVisible()
        assert plot.chart.crosshair.value() == number
        near = min((10, 20, 30, 40), key=lambda k: abs(k - number))
        wanted = 3 / number, 3 / number, 4 / near
        assert numbers(plot)["total"] == [f"{value:#.4g}" for value in wanted]
        assert float(numbers(plot)["mse"][0]) == pytest.approx(1 / number, rel=1e-3)
    QApplication.sendEvent(plot.chart, QEvent(QEvent.Type.Leave))
    assert plot.legend.place.text() == "latest: step 40"
    assert not plot.chart.crosshair.isVisible()


def test_pointing_reads_exact_values_of_long_trainings(plot):
    curve = LossCurve()
    for number in range(1, 20_001):
        curve.add(step(number, number * 0.5))
    plot.setValue(curve)
    settle(plot)
    plot.chart.pointed.emit(12_345.3)
    assert plot.legend.place.text() == "step 12,345"
    assert numbers(plot)["total"][0] == "6172."


def test_pointing_at_nothing(plot):
    plot.chart.pointed.emit(3.0)
    feed(plot, training())
    for box in plot.legend.boxes.values():
        box.setChecked(False)
    plot.chart.pointed.emit(3.0)
    assert not plot.chart.crosshair.isVisible()
    assert plot.legend.place.text() == ""


def drag(qtbot, plot, start, end, button=Qt.MouseButton.LeftButton):
    view = plot.chart.viewport()
    qtbot.mousePress(view, button, pos=start)
    for share in (0.3, 0.7, 1.0):
        move(plot, start + (end - start) * share, button)
    qtbot.mouseRelease(view, button, pos=end)
    QApplication.processEvents()


def test_a_part_is_enlarged_by_dragging_and_all_shown_by_a_double_click(qtbot, plot):
    feed(plot, training())
    whole = ranges(plot)
    drag(qtbot, plot, place_of(plot, 10, 0.2), place_of(plot, 20, 0.6))
    part = ranges(plot)
    np.testing.assert_allclose(part, [[10, 20], [0.2, 0.6]], atol=0.3)
    feed(plot, [step(41)])
    np.testing.assert_array_equal(ranges(plot), part)
    qtbot.mouseDClick(plot.chart.viewport(), Qt.MouseButton.LeftButton, pos=place_of(plot, 15, 0.4))
    np.testing.assert_allclose(ranges(plot), whole, rtol=0.1, atol=0.1)
    drag(qtbot, plot, place_of(plot, 10, 0.2), place_of(plot, 20, 0.6))
    plot.controls.log.setChecked(True)
    assert ranges(plot)[0, 1] > 40, "another axis shows all"


def test_an_enlarged_part_shows_each_of_its_steps(plot):
    curve = LossCurve()
    for number in range(1, 50_001):
        curve.add(step(number, number % 7 + 1.0))
    plot.setValue(curve)
    settle(plot)
    assert len(drawn(plot, "total", 0)[0]) < 5_000
    for width in (5_000, 100):
        plot.chart.view.showAxRect(QRectF(20_000, 2.0, width, 4.0))
    steps, values = drawn(plot, "total", 0)
    np.testing.assert_array_equal(np.diff(steps), 1)
    np.testing.assert_array_equal(values, steps % 7 + 1)
    assert steps[0] <= 20_000 < 20_100 <= steps[-1]
    assert len(steps) < 500, "the rest is left out"
    plot.chart.show_all()
    steps = drawn(plot, "total", 0)[0]
    assert (steps[0] < 200, steps[-1] > 49_800, len(steps) < 5_000) == (True,) * 3


def test_what_is_dragged_too_thin_is_not_enlarged(qtbot, plot):
    feed(plot, training())
    start = place_of(plot, 10, 0.6)
    whole = ranges(plot)
    drag(qtbot, plot, start, start + QPoint(80, 2))
    np.testing.assert_array_equal(ranges(plot), whole)
    assert not plot.chart.view.rbScaleBox.isVisible()


@pytest.mark.parametrize("button", [Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton])
def test_other_buttons_enlarge_nothing(qtbot, plot, button):
    feed(plot, training())
    start = place_of(plot, 10, 0.2)
    whole = ranges(plot)
    drag(qtbot, plot, start, place_of(plot, 20, 0.6), button)
    np.testing.assert_array_equal(ranges(plot), whole)


@pytest.mark.parametrize("rate", [1e-5, 1e-3, 0.0])
def test_a_constant_rate_stands_between_ticks_that_can_be_read(plot, rate):
    plot.page = "Learning rate"
    feed(plot, [step(k, rate=rate) for k in range(1, 30)])
    low, high = ranges(plot)[1]
    assert low < rate < high
    assert high - low < (rate or 4)


def test_values_are_given_back_and_changes_told(qtbot, plot):
    given = LossCurve()
    for event in training():
        given.add(event)
    with qtbot.waitSignal(plot.valueChanged, timeout=1_000):
        plot.setValue(given)
    assert plot.value().rows == given.rows
    with qtbot.assertNotEmitted(plot.valueChanged):
        plot.add_event(Working(1, 2))
    with qtbot.waitSignal(plot.valueChanged, timeout=1_000):
        plot.add_event(step(41))
    settle(plot)
    with qtbot.waitSignal(plot.legend.valueChanged, timeout=1_000):
        plot.legend.setValue(["mse", "ssim"])
    assert plot.legend.value() == ["mse", "ssim"]
    assert not is_shown(plot, "total")


def test_the_wheel_is_left_to_the_window(qtbot, plot):
    area = QScrollArea()
    qtbot.addWidget(area)
    plot.setMinimumHeight(1500)
    area.setWidget(plot)
    area.setWidgetResizable(True)
    area.resize(420, 300)
    area.show()
    feed(plot, training())
    before = ranges(plot)
    view = plot.chart.viewport()
    for x in (15, view.width() // 2):  # axis and curves
        seen = area.verticalScrollBar().value()
        spot = QPointF(x, 200)
        event = QWheelEvent(
            spot,
            QPointF(view.mapToGlobal(spot.toPoint())),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(view, event)
        assert not event.isAccepted() or area.verticalScrollBar().value() > seen
    np.testing.assert_array_equal(ranges(plot), before)
    area.takeWidget()


def test_a_training_is_gone_on_with(plot):
    feed(plot, [step(1, 77.0), validated(1, 1.0)])
    before = LossCurve()
    for event in training(40):
        before.add(event)
    plot.setValue(before)
    settle(plot)
    np.testing.assert_array_equal(drawn(plot, "total")[0], np.arange(1, 41))
    assert ranges(plot)[1, 1] < 77
    feed(plot, [step(41), step(42)])
    np.testing.assert_array_equal(drawn(plot, "total")[0], np.arange(1, 43))
    assert len(plot.value().rows) == 42
    assert len(before.rows) == 40


def test_clear_forgets_the_numbers_and_keeps_the_choices(plot):
    plot.controls.log.setChecked(True)
    feed(plot, training())
    plot.legend.boxes["mse"].setChecked(False)
    before = len(plot.chart.scene().items())
    plot.clear()
    settle(plot)
    assert plot.value().rows == []
    assert not plot.chart.isVisible()
    assert plot.chart.lines == {}
    feed(plot, training(12))
    assert plot.controls.is_log
    assert "mse" not in plot.chart.lines, "it was switched off"
    np.testing.assert_array_equal(drawn(plot, "total")[0], np.arange(1, 13))
    assert len(plot.chart.scene().items()) <= before


def test_colours_follow_the_palette(plot):
    feed(plot, training(400))
    for colours in (DARK, LIGHT):
        palette = plot.palette()
        for role, colour in zip(("Window", "WindowText", "Highlight"), colours, strict=True):
            palette.setColor(getattr(QPalette.ColorRole, role), QColor(colour))
        plot.setPalette(palette)
        picture = pixels(plot.chart)
        assert count_of(picture, colours[0]) > 0.6 * picture.shape[0] * picture.shape[1]
        assert count_of(picture, colours[1]) > 200


@pytest.mark.parametrize("colours", [DARK, LIGHT, ("#000000", "#ffffff", "#000000")])
def test_curves_differ_and_stand_out_from_the_background(plot, colours):
    feed(plot, training())
    plot.set_colours(*colours)
    behind = luminance(QColor(colours[0])) + 0.05
    used = [pair[1].opts["pen"].color() for pair in plot.chart.lines.values()]
    assert len({colour.name() for colour in used}) == len(LOSSES)
    for colour in used:
        light = luminance(colour) + 0.05
        assert max(light, behind) / min(light, behind) > MIN_CONTRAST - 0.1
    line, points = plot.chart.lines["mse"][1], plot.chart.points["validation_mse"]
    assert points.opts["symbolBrush"].color() == line.opts["pen"].color()


@pytest.mark.parametrize("page", ["Loss", "Score", "Learning rate"])
@pytest.mark.parametrize("is_visible", [True, False])
def test_png_shows_the_page(plot, tmp_path, page, is_visible):
    plot.set_colours(*DARK)
    plot.page = page
    if not is_visible:
        plot.hide()
    for event in training():
        plot.add_event(event)
    if is_visible:
        settle(plot)
    before = plot.chart.centralWidget.geometry()
    assert plot.save(tmp_path / "curves.PNG") == tmp_path / "curves.PNG"
    with Image.open(tmp_path / "curves.PNG") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 800
        content = np.asarray(picture.convert("RGB"))
    assert count_of(content[0], DARK[0]) == content.shape[1]
    assert count_of(content, plot._colours[plot.legend.rows[0].words]) > 1000
    assert plot.chart.centralWidget.geometry() == before


def test_svg_shows_the_page_with_a_legend_and_lines_for_dots(plot, tmp_path):
    feed(plot, training())
    plot.legend.boxes["ssim"].setChecked(False)
    plot.save(tmp_path / "curves.svg")
    root = ElementTree.parse(tmp_path / "curves.svg").getroot()
    assert root.tag.endswith("svg")
    text = {"".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("text")}
    assert {"total", "mse", "step", "loss"} <= text
    assert "ssim" not in text
    assert not [e for e in root.iter() if e.tag.endswith("image")]
    tip = plot._colours["mse"].name()
    assert tip in (tmp_path / "curves.svg").read_text()


def test_an_enlarged_part_is_clipped_in_svg(plot, tmp_path):
    feed(plot, training())
    whole = ranges(plot)
    plot.chart.view.showAxRect(plot.chart.view.viewRect().adjusted(5, 0.3, -5, -0.3))
    plot.save(tmp_path / "curves.svg")
    content = (tmp_path / "curves.svg").read_text()
    background = plot.palette().window().color().name()
    cover = content.rindex(f'fill="{background}"')
    curves = [found.start() for found in re.finditer(r' (d|points)="[^"]{300,}', content)]
    assert len(curves) >= 2 * len(LOSSES)
    assert cover > max(curves), "covered after the curves"
    assert content.rindex(">step") > cover, "and the axes come last"
    assert (ranges(plot) != whole).all()


def test_csv_has_all_numbers(plot, tmp_path):
    feed(plot, training())
    plot.save(tmp_path / "curves.csv")
    plot.value().save_csv(tmp_path / "wanted.csv")
    assert (tmp_path / "curves.csv").read_bytes() == (tmp_path / "wanted.csv").read_bytes()
    with (tmp_path / "curves.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 40


@pytest.mark.parametrize("name", ["curves.pdf", "curves", "curves.png.txt"])
def test_other_endings_are_refused(plot, tmp_path, name):
    with pytest.raises(ConfigError, match=rf"{name}: curves are saved as .csv, .png, .svg; change"):
        plot.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["csv", "png", "svg"])
def test_places_that_cannot_be_written_are_named(plot, tmp_path, ending):
    feed(plot, training())
    target = tmp_path / "absent" / f"curves.{ending}"
    with pytest.raises(StackFileError, match=rf"{target.name}: cannot be written \(No such file"):
        plot.save(target)
    (tmp_path / f"folder.{ending}").mkdir()
    with pytest.raises(StackFileError, match="cannot be written"):
        plot.save(tmp_path / f"folder.{ending}")
    assert [path.name for path in tmp_path.iterdir()] == [f"folder.{ending}"]


@pytest.mark.parametrize("ending", ["csv", "png", "svg"])
def test_export_asks_where(qtbot, plot, tmp_path, ending):
    feed(plot, training())
    plot.controls.export.click()
    dialog = plot.findChild(QFileDialog)
    chosen = next(text for text in dialog.nameFilters() if ending in text)
    dialog.filterSelected.emit(chosen)
    assert dialog.defaultSuffix() == ending
    dialog.fileSelected.emit(str(tmp_path / f"mine.{ending}"))
    dialog.close()
    qtbot.waitUntil(lambda: "Saved" in plot.message.text(), timeout=10_000)
    assert f"mine.{ending}" in plot.message.text()
    assert (tmp_path / f"mine.{ending}").stat().st_size > 100
    qtbot.waitUntil(lambda: plot.findChild(QFileDialog) is None, timeout=5_000)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent/c.csv", "cannot be written"),
        ("absent/c.svg", "cannot be written"),
        ("c.pdf", "change the extension"),
    ],
)
def test_export_says_what_went_wrong(qtbot, plot, tmp_path, name, words):
    feed(plot, training())
    plot.exporter.export(str(tmp_path / name))
    qtbot.waitUntil(lambda: words in plot.message.text(), timeout=10_000)
    assert plot.message.isVisible()


def test_a_table_is_written_to_its_end_when_the_plot_goes_away(qtbot, tmp_path):
    plot = TrainingPlot()
    feed(plot, training(2_000))
    plot.exporter.export(str(tmp_path / "c.csv"))
    job = plot.exporter._job
    # begun, or on a fast disk even done, before anybody looks
    qtbot.waitUntil(lambda: job._job is not None or not job.is_busy, timeout=5_000)
    plot.deleteLater()
    del plot
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    qtbot.waitUntil(lambda: not job.is_busy, timeout=10_000)
    assert len((tmp_path / "c.csv").read_text().splitlines()) == 2_001


def test_long_names_are_shortened_where_there_is_no_room(plot):
    words = "spatial frequency of very many words"
    feed(plot, [StepDone(41, 41, {"total": 1.0, words: 1.0}, 1e-3)])
    for width, is_whole in ((300, False), (900, True), (300, False)):
        plot.resize(width, 500)
        QApplication.processEvents()
        text = plot.legend.boxes[words].text()
        assert (text == words) == is_whole
        assert text.startswith("spatial")


@pytest.mark.window
def test_it_fits_into_a_narrow_dock(viewer, qtbot):
    plot = TrainingPlot()
    viewer.window.add_dock_widget(plot, name="training")
    name = "spatial_frequency_of_many_words"
    feed(plot, [*training(), StepDone(41, 41, {"total": 1.0, name: 1.0}, 1e-3)])
    for page in ("Loss", "Score", "Learning rate"):
        plot.page = page
        QApplication.processEvents()
        assert plot.minimumSizeHint().width() <= 360


@pytest.mark.window
def test_drawing_in_a_dock_of_a_viewer(viewer, qtbot):
    plot = TrainingPlot()
    viewer.window.add_dock_widget(plot, name="training")
    feed(plot, training())
    for theme in ("dark", "light"):
        viewer.theme = theme
        QApplication.processEvents()
        behind = plot.chart.backgroundBrush().color()
        assert (luminance(behind) < 0.2) == (theme == "dark")


def test_nothing_is_left_after_closing(qtbot):
    before = set(QApplication.topLevelWidgets())
    plot = TrainingPlot()
    plot.show()
    feed(plot, training())
    plot.add_event(step(41))
    gone = [weakref.ref(item) for item in (plot, plot.chart, plot.chart.lines["total"][0])]
    plot.close()
    plot.deleteLater()
    del plot
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    gc.collect()
    assert [item() for item in gone] == [None] * 3
    assert set(QApplication.topLevelWidgets()) <= before
