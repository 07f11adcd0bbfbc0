"""The section Planes: what a fusion found of them, in the words of its notes."""

import numpy as np

from napari_umis_fusion.layers import CheckedStack
from napari_umis_fusion.plugin.fusion._plane_table import (
    COLUMNS,
    DONE,
    FOUND,
    HINT,
    STACK,
    PlaneTable,
    Z,
)
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.synthetic import make_stack

FOUND_HERE = (
    PlaneHealth(0),
    PlaneHealth(1, ("blank",), is_left_out=True),
    PlaneHealth(2, ("exposure", "clipped"), gain=1.8, tops=(255.0,), specks=3),
    PlaneHealth(3, moving=0.031),
)


def rows_of(table):
    return [
        [table.item(row, column).text() for column in range(len(COLUMNS))]
        for row in range(table.rowCount())
    ]


def test_planes_with_findings_are_listed(qtbot):
    widget = PlaneTable()
    qtbot.addWidget(widget)
    assert widget.message.text() == HINT
    widget.fill([CheckedStack("", FOUND_HERE, copies=False)])
    assert rows_of(widget.table) == [
        ["", "1", "blank", "left out"],
        [
            "",
            "2",
            "1.80 times as bright as those around; 3 specks",
            "scaled to them, without its clipped pixels; filled from the planes before and after",
        ],
        ["", "3", "3.1% moving", "does not count"],
    ]
    assert widget.table.isColumnHidden(STACK)
    with qtbot.waitSignal(widget.plane_chosen) as chosen:
        widget.table.selectRow(1)
    assert chosen.args == [2]


def test_several_stacks_are_named(qtbot):
    widget = PlaneTable()
    qtbot.addWidget(widget)
    widget.fill([CheckedStack("t=0", (), False), CheckedStack("t=1", FOUND_HERE[:2], True)])
    assert [row[STACK] for row in rows_of(widget.table)] == ["t=1"]
    assert not widget.table.isColumnHidden(STACK)
    widget.fill([CheckedStack("", FOUND_HERE[:1], copies=False)])
    assert widget.table.rowCount() == 0
    assert "sound" in widget.message.text()


def test_a_fusion_fills_it_and_a_row_shows_the_plane(viewer, widget, qtbot):
    stack = make_stack("bumps", (64, 80), planes=7, channels=None, noisy=True).stack
    stack[3] = 0
    layer = viewer.add_image(stack, name="cells", axis_labels=("z", "y", "x"))
    widget.fuse()
    qtbot.waitUntil(lambda: widget.job is None, timeout=60_000)
    (row,) = rows_of(widget.planes.table)
    assert (row[Z], row[FOUND], row[DONE]) == ("3", "blank", "left out")
    assert "Plane 3 is blank: left out" in widget.controls.message.text()
    viewer.layers.selection.active = layer
    viewer.dims.set_point(0, 6)
    widget.planes.table.selectRow(0)
    assert np.isclose(viewer.dims.point[0], 3)
