"""Boxes of names: long ones must not widen a widget."""

from napari_umis_fusion.plugin.widgets import Form, names_box
from napari_umis_fusion.plugin.widgets._names_box import choice_box


def test_a_long_name_does_not_widen_its_form(qtbot):
    box = names_box(name="stack", label="stack", choices=["cells"])
    form = Form([box])
    qtbot.addWidget(form)
    narrow = form.minimumSizeHint().width()
    long = "2026-11-26 mouse brain, 63x oil, DAPI and GFP, position {}"
    box.choices = ["cells", *map(long.format, range(3))]
    box.value = long.format(2)
    assert form.minimumSizeHint().width() == narrow
    assert box.native.currentText() == long.format(2), "the name itself is whole"


def test_a_long_choice_does_not_widen_its_form_either(qtbot):
    long = "Translation, rotation, magnification and shear"
    form = Form([choice_box(name="a", choices=["No", "Automatic", long])])
    qtbot.addWidget(form)
    box = form["a"].native
    assert form.minimumSizeHint().width() < box.fontMetrics().horizontalAdvance(long)
    assert choice_box(name="a", choices=["No"]).native.minimumSizeHint().width() < 100
