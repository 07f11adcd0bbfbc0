"""The section Alignment: what it asks, what it shows of a fusion, and its tables as files."""

import re
from dataclasses import fields

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_umis_fusion import FusionConfig
from napari_umis_fusion import fuse as fuse_stack
from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.plugin.fusion._alignment_section import (
    FIELDS,
    HINT,
    AlignmentChoice,
    AlignmentSection,
)
from napari_umis_fusion.plugin.fusion._alignment_table import (
    COLUMNS,
    MATCH,
    MOVED,
    NOTE,
    ROTATION,
    SCALE,
    Z,
)
from napari_umis_fusion.plugin.fusion._preview import UNALIGNED
from napari_umis_fusion.plugin.widgets import FUSION_NAMES
from napari_umis_fusion.synthetic import Motion, RenderConfig, render_moving_stack

SHAPE, PLANES = (120, 150), 5
ALIGNED = {"focus_measure": "laplacian", "align": "translation"}


def moving(drift):
    motion = Motion(drift_px=drift, jitter_px=0.4, seed=2)
    return render_moving_stack("bumps", SHAPE, motion, RenderConfig(planes=PLANES), None)


@pytest.fixture(scope="session")
def stacks():
    """Return two stacks (T, Z, Y, X) whose planes drift differently."""
    return np.stack([moving(drift).stack for drift in ((8.0, -5.0), (-3.0, 12.0))])


@pytest.fixture(scope="session")
def alone(stacks):
    """Return them aligned and fused without a window."""
    return [fuse_stack(one, **ALIGNED) for one in stacks]


@pytest.fixture
def drifting(viewer, stacks):
    """Return a layer whose planes drift."""
    return viewer.add_image(
        stacks[0],
        name="drift",
        scale=(1.5, 0.4, 0.4),
        translate=(10, 20, 30),
        units=("um", "um", "um"),
        axis_labels=("z", "y", "x"),
    )


@pytest.fixture
def movie(viewer, stacks):
    """Return a layer with two time points."""
    return viewer.add_image(stacks, name="movie", axis_labels=("t", "z", "y", "x"))


@pytest.fixture
def widget(widget):
    """Return it without two of the maps: a viewer takes its time for each layer."""
    for name in ("depth_map", "confidence_map"):
        widget.output[name].value = False
    return widget


@pytest.fixture
def form(widget):
    """Return the section, unfolded, of a widget that aligns by shifts."""
    widget.sections["Alignment"].expand(animate=False)
    widget.alignment.rows["align"].value = "translation"
    return widget.alignment


def cell(form, row, column):
    return form.table.item(row, column).text()


def shift(form, row):
    """Return by how many pixels a plane was moved down and to the right."""
    text = cell(form, row, MOVED)
    return tuple(map(float, text.split(", "))) if text else (0.0, 0.0)


def shown(form):
    """Return the texts of the table."""
    return [[cell(form, row, column) for column in range(len(COLUMNS))] for row in range(PLANES)]


# --- the rows and the config


def test_rows_are_those_of_the_config(widget):
    for spec in fields(FusionConfig):
        if spec.name in FIELDS:
            row = widget.alignment.rows[spec.name]
            assert set(row.choices) == set(spec.metadata["choices"])
            told = FUSION_NAMES.in_plain_words(spec, spec.metadata["help"])
            assert row.tooltip.startswith(told)
            assert spec.name not in [row.name for row in widget.method]
    assert {"align", "align_border", "light"} == set(FIELDS)


def test_round_trip(widget, stack_layer):
    for config in (
        FusionConfig("laplacian"),
        FusionConfig("laplacian", align="similarity"),
        FusionConfig("laplacian", align="auto", align_border="mask"),
    ):
        widget.alignment.rows["align"].value = "affine"
        widget.setValue(config)
        assert widget.value() == config


def test_planes_are_not_aligned_unless_asked(widget, stack_layer, fuse):
    assert widget.value().align == "none"
    fuse()
    assert widget.alignment.table.isHidden()
    assert widget.alignment.save.isHidden()
    assert widget.alignment.message.text() == HINT


def test_what_has_no_say_is_greyed_out(widget, movie):
    rows = widget.alignment.rows
    assert not rows["align_border"].enabled
    assert not rows["align_each"].enabled
    rows["align"].value = "auto"
    assert rows["align_border"].enabled
    assert rows["align_each"].enabled


def test_each_time_point_is_asked_about_only_where_there_are_several(
    viewer, widget, form, drifting, movie
):
    each = form.rows["align_each"].native
    viewer.layers.selection.active = drifting
    assert each.isHidden()
    each_plan = widget.plan(widget.stack.target)
    viewer.layers.selection.active = movie
    assert not each.isHidden()
    form.rows["align_each"].value = False
    assert each_plan.align_each
    assert not widget.plan(widget.stack.target).align_each
    viewer.layers.selection.active = drifting
    assert widget.plan(widget.stack.target).align_each, "of one stack there is no first"


# --- what was found


def test_fusion_is_aligned_and_lies_where_it_belongs(viewer, widget, form, drifting, fuse, alone):
    fuse()
    expected = alone[0]
    image = viewer.layers["drift all-in-focus"]
    np.testing.assert_array_equal(image.data, expected.all_in_focus)
    rows, columns = expected.window
    assert rows.start > 0
    np.testing.assert_allclose(image.translate, (20 + 0.4 * rows.start, 30 + 0.4 * columns.start))
    summary = expected.alignment.summary()
    assert widget.controls.message.text().endswith(f". {summary}.")
    assert form.message.text() == f"{summary}."


@pytest.mark.binding
def test_table_tells_of_every_plane(widget, form, drifting, fuse, alone):
    fuse()
    alignment = alone[0].alignment
    assert not form.table.isHidden()
    assert form.table.rowCount() == PLANES
    for z, motion in enumerate(alignment.planes):
        assert cell(form, z, Z) == str(z)
        assert bool(cell(form, z, MOVED)) == motion.is_moved
        expected = (motion.shift_rows_px, motion.shift_columns_px)
        assert shift(form, z) == pytest.approx(expected, abs=0.06)
        assert cell(form, z, SCALE) == ("1.0000" if motion.is_moved else "")
        assert cell(form, z, NOTE) == ("" if motion.is_moved else motion.why)
        assert form.table.item(z, NOTE).toolTip() == motion.why
        item = form.table.item(z, NOTE)
        assert not item.flags() & Qt.ItemFlag.ItemIsEditable or not form.table.editTriggers()
    assert cell(form, 2, MATCH) == ""
    before, after = map(float, cell(form, 0, MATCH).split(" → "))
    assert after > before
    assert form.table.isColumnHidden(ROTATION), "planes that only shift have none"


def test_magnification_is_shown_where_it_was_looked_for(viewer, widget, form, fuse):
    motion = Motion(breathing=0.08, rotation_deg=3)
    stack = render_moving_stack("bumps", (200, 240), motion, RenderConfig(planes=PLANES), None)
    viewer.add_image(stack.stack, name="growing", axis_labels=("z", "y", "x"))
    form.rows["align"].value = "similarity"
    fuse()
    assert not form.table.isColumnHidden(SCALE)
    scales = [float(cell(form, z, SCALE) or 1) for z in range(PLANES)]
    assert scales[-1] - scales[0] == pytest.approx(0.08, abs=0.01)
    turns = [float(cell(form, z, ROTATION) or 0) for z in range(PLANES)]
    assert turns[-1] - turns[0] == pytest.approx(3, abs=0.4)


@pytest.mark.binding
def test_selecting_a_row_leads_to_the_plane(viewer, widget, form, drifting, fuse):
    fuse()
    for plane in (4, 0, 3):
        form.table.selectRow(plane)
        assert viewer.dims.current_step[0] == plane
    widget.part["first_plane"].value = 1
    fuse()
    assert [cell(form, row, Z) for row in range(form.table.rowCount())] == ["1", "2", "3", "4"]
    form.table.selectRow(0)
    assert viewer.dims.current_step[0] == 1, "rows are counted as the sliders count"


def test_second_run_renews_the_table(viewer, widget, form, drifting, fuse):
    fuse()
    first = shift(form, 0)
    drifting.data = np.ascontiguousarray(drifting.data[:, :, ::-1])
    fuse()
    assert shift(form, 0)[1] == pytest.approx(-first[1], abs=0.3)
    form.rows["align"].value = "none"
    fuse()
    assert form.table.isHidden()
    assert form.message.text() == HINT


def test_table_goes_with_the_layers(viewer, widget, form, drifting, fuse):
    other = viewer.add_image(np.zeros((4, 90, 100), np.uint8), name="other")
    viewer.layers.selection.active = drifting
    fuse()
    viewer.layers.selection.active = other
    assert form.table.isHidden()
    viewer.layers.selection.active = viewer.layers["drift index map"]
    assert not form.table.isHidden()
    viewer.layers.remove(drifting)
    viewer.layers.selection.active = other
    assert form.table.isHidden()


def test_table_is_of_the_time_point_in_sight(viewer, widget, form, movie, fuse, stacks, alone):
    fuse()
    assert widget.controls.message.text().endswith(". 2 of 2 stacks were aligned.")
    for time in (0, 1, 0):
        viewer.dims.set_point(0, time)
        alignment = alone[time].alignment
        assert form.message.text() == f"t {time}: {alignment.summary()}."
        across = alignment.planes[0].shift_columns_px
        assert shift(form, 0)[1] == pytest.approx(across, abs=0.06)
    form.rows["align_each"].value = False
    fuse()
    viewer.dims.set_point(0, 1)
    summary = alone[0].alignment.summary()
    assert form.message.text() == f"{summary}.", "the first holds for all"


def test_click_leads_to_the_aligned_stack(
    viewer, widget, form, drifting, fuse, qtbot, stacks, alone
):
    fuse()
    result = alone[0]
    row, column = 40, 50
    top, left = (part.start for part in result.window)
    world = (10.0, 20 + (top + row) * 0.4, 30 + (left + column) * 0.4)
    plane = widget.focus.show_pixel(world)
    assert plane == result.index_map[row, column] == viewer.dims.current_step[0]
    qtbot.waitUntil(lambda: not widget.focus.is_busy, timeout=10_000)
    curve = widget.focus.curve
    assert (curve.row, curve.column) == (row, column)
    assert curve.values[2] == stacks[0][2, top + row, left + column], "the plane that stays"
    assert any(curve.values[z] != stacks[0][z, top + row, left + column] for z in (0, 4))
    assert f"Row {top + row}, column {left + column}" in widget.focus.message.text()


def test_preview_uses_transforms_that_were_loaded(
    viewer, widget, form, drifting, qtbot, stacks, alone, tmp_path
):
    form.rows["light"].value = "none"
    path = alone[0].alignment.save(tmp_path / "a.csv")
    form.use_file(str(path))
    drifting.corner_pixels = np.array([[0, 0, 0], [4, 119, 149]])
    widget.preview_box.value = True
    qtbot.waitUntil(lambda: not widget.preview.is_busy, timeout=20_000)
    data = viewer.layers["preview of drift"].data
    options = {**ALIGNED, "light": "none", "transforms": path}
    np.testing.assert_array_equal(data, fuse_stack(stacks[0], **options).all_in_focus)
    path.unlink()
    form.setValue(AlignmentChoice(FusionConfig(), table_file=str(tmp_path / "gone.csv")))
    qtbot.waitUntil(lambda: not widget.preview.is_busy, timeout=20_000)
    assert widget.controls.message.text() == UNALIGNED


def test_cancel_while_aligning_changes_nothing(viewer, widget, form, qtbot):
    stack = np.random.default_rng(0).integers(0, 255, (40, 600, 600), np.uint8)
    layer = viewer.add_image(stack, name="noise", axis_labels=("z", "y", "x"))
    texts = []
    widget.controls.buttons["start"].click()
    widget.job.progressed.connect(lambda share, text: texts.append(text))
    # Fast planes are not all shown; the first one waits for kernels to be compiled.
    later = re.compile(r"aligning plane ([2-9]|\d\d) of 40")
    qtbot.waitUntil(lambda: any(map(later.search, texts)), timeout=90_000)
    widget.controls.buttons["cancel"].click()
    qtbot.waitUntil(lambda: widget.job is None, timeout=10_000)
    assert list(viewer.layers) == [layer]
    assert widget.controls.message.text() == "Cancelled. No layer was changed."
    assert form.table.isHidden()


# --- files


def test_saved_table_is_used_again(viewer, widget, form, drifting, fuse, alone, tmp_path):
    fuse()
    widget.alignment.choose_save_file = lambda: str(tmp_path / "drift")
    form.save.click()
    path = tmp_path / "drift.csv"
    assert widget.controls.message.text() == f"Saved as {path}."
    found = alone[0].alignment
    np.testing.assert_array_equal(Alignment.load(path).transforms, found.transforms)
    # another name that the dialog did not ask about
    path.write_text("mine")
    form.save.click()
    assert "exists already" in widget.controls.message.text()
    assert path.read_text() == "mine"
    widget.alignment.choose_save_file = lambda: str(path)  # it did
    form.save.click()
    assert "exists, and is no table of transforms" in widget.controls.message.text()
    assert path.read_text() == "mine", "only tables are replaced"
    path = found.save(tmp_path / "table.csv")
    widget.alignment.choose_save_file = lambda: str(path)
    form.save.click()
    assert len(Alignment.load(path).planes) == PLANES


def test_a_table_holds_until_it_is_dropped(viewer, widget, form, fuse, stacks, alone, tmp_path):
    path = alone[0].alignment.save(tmp_path / "drift.csv")
    viewer.add_image(stacks[1], name="other channel", axis_labels=("z", "y", "x"))
    form.choose_table_file = lambda: str(path)
    assert form.drop.isHidden()
    form.use.click()
    assert form.file_message.text() == "Transforms of drift.csv are used."
    assert not form.drop.isHidden()
    assert not form.rows["align"].enabled
    assert f"transforms={str(path)!r}" in widget.script()
    fuse()
    image = viewer.layers["other channel all-in-focus"]
    expected = fuse_stack(stacks[1], focus_measure="laplacian", transforms=path)
    np.testing.assert_array_equal(image.data, expected.all_in_focus)
    form.drop.click()
    assert form.file_message.isHidden()
    assert form.rows["align"].enabled
    assert "transforms" not in widget.script()
    fuse()
    expected = alone[1]
    np.testing.assert_array_equal(image.data, expected.all_in_focus)


def test_bad_table_is_told_and_changes_nothing(widget, form, drifting, tmp_path):
    good = tmp_path / "good.csv"
    Alignment.given(np.tile(np.eye(2, 3), (PLANES, 1, 1)), SHAPE).save(good)
    form.use_file(str(good))
    for number, text in enumerate((None, "no,table\n1,2\n", "")):
        bad = tmp_path / f"bad{number}.csv"
        if text is not None:
            bad.write_text(text)
        form.choose_table_file = lambda bad=bad: str(bad)
        form.use.click()
        assert f"bad{number}.csv: no table of transforms" in widget.controls.message.text()
        assert form.table_file == str(good)
        assert form.file_message.text() == "Transforms of good.csv are used."
    form.choose_table_file = lambda: ""
    form.use.click()
    assert form.table_file == str(good)


def test_table_of_another_stack_is_told(viewer, widget, form, drifting, tmp_path, qtbot):
    path = tmp_path / "other.csv"
    Alignment.given(np.tile(np.eye(2, 3), (PLANES + 1, 1, 1)), SHAPE).save(path)
    form.use_file(str(path))
    with qtbot.capture_exceptions():
        widget.controls.buttons["start"].click()
        qtbot.waitUntil(lambda: widget.job is None, timeout=20_000)
    assert "The transforms are for 6 planes of 120 x 150 px" in widget.controls.message.text()
    assert list(viewer.layers) == [drifting]


def test_copied_script_aligns_too(widget, form, movie):
    form.rows["align_border"].value = "mask"
    form.rows["align_each"].value = False
    widget.copy.click()
    script = QApplication.clipboard().text()
    for line in ("align='translation'", "align_border='mask'", "align_each=False"):
        assert line in script


def test_starts_with_what_is_set(viewer, widget, qtbot):
    form = AlignmentSection(viewer, widget.fused, FusionConfig(align="auto", align_border="mask"))
    qtbot.addWidget(form)
    options = {"align": "auto", "align_border": "mask", "light": "auto"}
    assert form.value().config_options() == options
    form.release()


# --- the preview, and the width of the table


def test_the_preview_is_aligned_as_soon_as_the_transforms_are_known(
    viewer, widget, form, drifting, fuse, qtbot
):
    def previewed():
        widget.preview_box.value = True
        qtbot.waitUntil(lambda: not widget.preview.is_busy, timeout=20_000)
        return viewer.layers["preview of drift"]

    def error_of(layer):
        """Return how far the preview is from the fused image, away from its borders."""
        inner = (slice(20, 70), slice(20, 80))
        fused = viewer.layers["drift all-in-focus"]
        corner = fused.world_to_data(layer.data_to_world((20, 20)))
        row, column = np.round(corner).astype(int)
        expected = fused.data[row : row + 50, column : column + 60].astype(float)
        return np.abs(layer.data[inner] - expected).mean()

    before = previewed()
    assert widget.controls.message.text() == UNALIGNED
    fuse()
    assert error_of(before) > 1
    viewer.layers.selection.active = drifting
    assert error_of(previewed()) < 1
    assert widget.controls.message.text() == "Preview."
    form.rows["align"].value = "affine"
    previewed()
    assert widget.controls.message.text() == UNALIGNED, "these transforms would be others"


def test_the_table_can_be_read_at_350_px(viewer, widget, form, drifting, fuse):
    fuse()
    form.table.resize(330, 200)
    QApplication.processEvents()
    for hidden in (True, False):
        for column in (ROTATION, SCALE):
            form.table.setColumnHidden(column, hidden)
        shown = [k for k in range(NOTE) if not form.table.isColumnHidden(k)]
        assert sum(map(form.table.columnWidth, shown)) < 330
    assert form.message.text().endswith(".")
