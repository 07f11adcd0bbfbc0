"""The dialog that shows what a folder holds, and opens what is chosen of it."""

from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from PIL import Image
from qtpy.QtWidgets import QTableWidget

from napari_umis_fusion.files.read import Selected, survey_files
from napari_umis_fusion.plugin.io import _reader as reader
from napari_umis_fusion.plugin.opening import FolderDialog, SingleImages, shown_viewer
from napari_umis_fusion.plugin.opening import _open_files as open_files
from napari_umis_fusion.plugin.opening import _single_images as single_images
from napari_umis_fusion.plugin.opening._folder_form import FolderForm


def png(path, value=0):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((6, 5), value, np.uint8)).save(path)
    return str(path)


@pytest.fixture
def several(tmp_path):
    for t in range(2):
        for z in range(3):
            for c in range(2):
                png(tmp_path / "a" / f"t{t}_z{z}_ch{c}.png", 100 * c + 10 * t + z)
    png(tmp_path / "a" / "overview.png")
    return tmp_path / "a"


@pytest.fixture
def form(qtbot, several):
    made = FolderForm(survey_files(several))
    qtbot.addWidget(made)
    return made


def texts(table):
    rows = range(table.rowCount())
    return [[table.item(row, column).text() for column in range(2)] for row in rows]


def test_the_form_shows_axes_and_what_is_left_out(form):
    axes, left_out = form.findChildren(QTableWidget)
    assert texts(axes) == [["T", "time"], ["C", "channel"], ["Z", "z"]]
    assert texts(left_out) == [["overview.png", "named otherwise than most files"]]
    assert form.summary.text() == (
        "Opens 2 layers, one for each channel, of 3 planes, with sliders for T (2)."
    )
    assert form.value() == Selected()


@pytest.mark.parametrize(
    "value", [Selected(None, {"T": 1}), Selected("T"), Selected("T", {"C": 0, "Z": 2}), Selected()]
)
def test_the_form_takes_and_gives_a_value(form, qtbot, value):
    with qtbot.waitSignal(form.valueChanged, raising=False, timeout=100):
        form.setValue(value)
    assert form.value() == value
    assert form.can_open


def test_what_cannot_be_opened_is_told(form):
    form.setValue(Selected("T", {"T": 1}))
    assert "cannot be 'T'" in form.summary.text()
    assert not form.can_open


@pytest.fixture
def dialog(qtbot, several):
    made = FolderDialog(ViewerModel(), survey_files(several))
    qtbot.addWidget(made)
    return made


def test_open_adds_what_is_chosen(dialog):
    viewer = dialog._viewer
    dialog.form.setValue(Selected(None, {"T": 1, "C": 0}))
    dialog.accept()
    (layer,) = viewer.layers
    assert layer.data[:, 0, 0].tolist() == [10, 11, 12]
    assert layer.axis_labels == ("z", "y", "x")


def test_a_file_that_breaks_meanwhile_is_told_and_nothing_is_added(dialog, several):
    (several / "t1_z2_ch1.png").write_bytes(b"no image")
    dialog.accept()
    assert not dialog.problem.isHidden()
    assert "t1_z2_ch1.png" in dialog.problem.text()
    assert len(dialog._viewer.layers) == 0


def test_stacks_are_chosen_by_file(qtbot, tmp_path):
    for k in range(3):
        data = np.full((3 + k, 6, 5), k, np.uint8)
        tifffile.imwrite(tmp_path / f"t{k}.tif", data, photometric="minisblack")
    dialog = FolderDialog(ViewerModel(), survey_files(tmp_path))
    qtbot.addWidget(dialog)
    assert dialog.form.summary.text() == (
        "Opens 3 stacks, with a slider for T if their sizes agree, else each in layers of its own."
    )
    dialog.form.setValue(Selected(None, {"T": 2}))
    assert dialog.form.value() == Selected(None, {"T": 2})
    dialog.accept()
    (layer,) = dialog._viewer.layers
    assert layer.data.shape == (5, 6, 5)


@pytest.fixture
def asked(monkeypatch, qtbot):
    """Let a user be asked, in a viewer without a window; the dialogs that are shown."""
    viewer, dialogs = ViewerModel(), []
    for module in (reader, single_images):
        monkeypatch.setattr(module, "shown_viewer", lambda: viewer)

    def show(dialog):
        qtbot.addWidget(dialog)
        dialogs.append(dialog)

    monkeypatch.setattr(FolderDialog, "show", show)
    return SimpleNamespace(viewer=viewer, dialogs=dialogs)


def test_the_reader_asks_only_where_a_folder_is_not_clear(asked, several, tmp_path):
    for z in range(3):
        png(tmp_path / "clear" / f"z{z}.png", z)
    ((data, _, _),) = reader.read(str(tmp_path / "clear"))
    assert data.shape == (3, 6, 5)
    assert asked.dialogs == []
    assert reader.read(str(several)) == [(None,)]
    (dialog,) = asked.dialogs
    dialog.accept()
    assert len(asked.viewer.layers) == 2


@pytest.mark.filterwarnings("ignore:.*missing")
def test_without_a_window_nobody_is_asked(tmp_path):
    assert shown_viewer() is None
    png(tmp_path / "a" / "t0_z0.png")
    png(tmp_path / "a" / "t1_z1.png")
    with pytest.warns(UserWarning, match="each plane has a time of its own"):
        assert len(reader.read(str(tmp_path / "a"))) == 1


def open_one_by_one(viewer, paths):
    """Open files as napari does with those that are dropped on it."""
    from napari.layers._source import layer_source

    for path in paths:
        for data, attributes, _ in reader.read(path):
            with layer_source(path=path):
                viewer.add_image(data, **attributes)


def test_planes_that_are_dropped_one_by_one_are_offered_as_a_stack(asked, tmp_path, qtbot):
    other = asked.viewer.add_image(np.zeros((6, 5)), name="other")
    paths = [png(tmp_path / f"z{z}.png", z) for z in (10, 9, 8)]
    open_one_by_one(asked.viewer, paths)
    qtbot.waitUntil(lambda: len(asked.dialogs) == 1, timeout=5000)
    assert len(asked.viewer.layers) == 4
    asked.dialogs[0].accept()
    first, stack = asked.viewer.layers
    assert first is other
    assert stack.data[:, 0, 0].tolist() == [8, 9, 10]


@pytest.mark.parametrize(
    "names", [("z1.png",), ("cat.png", "dog.png"), ("t1_ch0.png", "t2_ch1.png")]
)
def test_other_images_are_left_alone(asked, tmp_path, names):
    single = SingleImages()
    for name in names:
        single.add(tmp_path / name)
        png(tmp_path / name)
    assert single.offer() is None
    assert single.offer() is None


def test_the_command_shows_every_folder(asked, tmp_path, monkeypatch):
    from qtpy.QtWidgets import QFileDialog

    for z in range(3):
        png(tmp_path / "clear" / f"z{z}.png", z)
    monkeypatch.setattr(open_files, "_window", lambda viewer: None)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "clear"))
    assert open_files.open_folder(asked.viewer) is asked.dialogs[0]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    assert open_files.open_folder(asked.viewer) is None


def test_chosen_files_that_are_no_clear_stack_are_asked_about(asked, several):
    files = [str(path) for path in several.glob("t*.png")]
    assert open_files.open_stack_files(asked.viewer, files) == []
    assert len(asked.dialogs) == 1
    (layer,) = open_files.open_stack_files(
        asked.viewer, [f for f in files if "t0" in f and "ch0" in f]
    )
    assert layer.data.shape == (3, 6, 5)
