"""The list of what is learnt from: what it offers, follows and gives, and the check below it."""

import threading

import numpy as np
import pytest
from napari.components import ViewerModel
from PIL import Image
from qtpy.QtWidgets import QFileDialog

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.layers import _training_data as headless
from napari_umis_fusion.plugin.training import _data_check as data_check
from napari_umis_fusion.plugin.training._data_form import NOTHING, DataForm
from napari_umis_fusion.plugin.training._data_row import PathRow
from napari_umis_fusion.training import Preparing, TrainingConfig
from napari_umis_fusion.training.data import NamedData, TrainingData, collect_images
from napari_umis_fusion.training.session import ScriptSource


def noise(*shape):
    return np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)


@pytest.fixture
def viewer():
    """Return a viewer without a window: a form follows its layers only."""
    return ViewerModel()


@pytest.fixture
def make_form(viewer, qtbot):
    """Return a function that makes a form as wide as a dock."""
    made = []

    def make(*arguments):
        made.append(DataForm(viewer, *arguments))
        qtbot.addWidget(made[-1])
        made[-1].resize(360, 400)
        return made[-1]

    yield make
    for form in made:
        form.release()
        qtbot.waitUntil(lambda form=form: not form.is_busy, timeout=20_000)


@pytest.fixture
def form(make_form):
    return make_form()


@pytest.fixture
def folder(tmp_path):
    """Return a folder of images that are alike in size: a stack, as far as one can tell."""
    images = tmp_path / "planes"
    images.mkdir()
    for number, image in enumerate(noise(4, 120, 130)):
        Image.fromarray(image).save(images / f"{number}.png")
    return images


def rows(form):
    """Return what is listed, from top to bottom."""
    return [row for row in form._layers + form._paths if row.isVisibleTo(form)]


def shown(form):
    return [(row.box.toolTip(), row.message.text(), row.box.isEnabled()) for row in rows(form)]


def row_of(form, name):
    return next(row for row in rows(form) if row.box.toolTip() == name)


def tick(form, *names):
    for name in names:
        row_of(form, name).box.click()


def names(items):
    return [item.name if isinstance(item, NamedData) else item for item in items]


def test_lists_image_layers_and_says_what_they_are(viewer, form):
    assert form._nothing.text() == NOTHING
    assert form._nothing.isVisibleTo(form)
    viewer.add_image(noise(11, 120, 130), name="beads & co")
    viewer.add_image(noise(70, 80), name="photo")
    viewer.add_image(noise(20, 30), name="tiny")
    viewer.add_labels(np.zeros((70, 80), int), name="cells")
    viewer.add_image(noise(70, 80), name="now", metadata={headless.PREVIEW_KEY: True})
    assert shown(form) == [
        ("tiny", "not used: 20 x 30 px is too small; at least 64 px per side", False),
        ("photo", "image, 70 x 80", True),
        ("beads & co", "stack, 11 planes of 120 x 130", True),
    ]
    assert not form._nothing.isVisibleTo(form)


def test_long_names_are_shortened_and_signs_kept(viewer, form, qtbot):
    name = "R&D " + "very " * 60 + "long"
    viewer.add_image(noise(70, 80), name=name)
    box = rows(form)[0].box
    qtbot.waitUntil(lambda: box.text().startswith("R&&D") and "…" in box.text())
    assert box.toolTip() == name
    assert form.minimumSizeHint().width() < 380


def test_what_is_selected_at_first_is_ticked(viewer, make_form):
    viewer.add_image(noise(3, 120, 130), name="other")
    viewer.add_image(noise(20, 30), name="useless")
    viewer.add_image(noise(3, 120, 130), name="chosen")
    viewer.layers.selection = {viewer.layers["chosen"], viewer.layers["useless"]}
    form = make_form()
    assert names(form.value().stacks) == ["chosen"]
    viewer.add_image(noise(3, 120, 130), name="later")
    assert names(form.value().stacks) == ["chosen"]


def test_gives_what_is_ticked(viewer, form):
    stack, photo = noise(3, 120, 130), noise(70, 80)
    viewer.add_image(stack, name="stack")
    viewer.add_image(photo, name="photo")
    assert form.value().images == form.value().stacks == ()
    tick(form, "stack", "photo")
    data = form.value()
    assert (names(data.images), names(data.stacks)) == (["photo"], ["stack"])
    np.testing.assert_array_equal(data.stacks[0].data.plane(2), stack[2])
    np.testing.assert_array_equal(data.images[0].data.plane(0), photo)
    assert form.sources() == [ScriptSource("image", "photo"), ScriptSource("stack", "stack")]
    tick(form, "stack")
    assert form.value().stacks == ()


@pytest.mark.binding
def test_follows_name_data_order_and_removal(viewer, form, qtbot):
    viewer.add_image(noise(3, 120, 130), name="first")
    viewer.add_image(noise(4, 120, 130), name="second")
    tick(form, "first")
    layer = viewer.layers["first"]
    layer.name = "renamed"
    assert [text for text, *_ in shown(form)] == ["second", "renamed"]
    assert names(form.value().stacks) == ["renamed"]
    with qtbot.waitSignal(form.valueChanged):
        layer.data = noise(5, 120, 130)
    assert form.value().stacks[0].data.shape == (5, 120, 130)
    layer.data = noise(5, 20, 30)
    assert form.value().stacks == ()
    layer.data = noise(5, 120, 130)
    viewer.layers.move(0, 2)
    assert [text for text, *_ in shown(form)] == ["renamed", "second"]
    assert names(form.value().stacks) == ["renamed"], "still ticked"
    with qtbot.waitSignal(form.valueChanged):
        viewer.layers.remove(layer)
    assert form.value().stacks == ()
    assert len(shown(form)) == 1


def test_layers_that_are_not_ticked_change_nothing(viewer, form, qtbot):
    layer = viewer.add_image(noise(3, 120, 130))
    with qtbot.assertNotEmitted(form.valueChanged):
        layer.data = noise(4, 120, 130)
        layer.name = "another"
        viewer.layers.remove(layer)


def test_a_folder_of_planes_is_a_stack_unless_the_user_says_otherwise(form, folder, qtbot):
    with qtbot.waitSignal(form.valueChanged):
        form.add_paths([folder])
    assert form.value().stacks == (str(folder),)
    assert form.sources() == [ScriptSource("stack", "planes", str(folder))]
    row = rows(form)[0]
    assert isinstance(row, PathRow)
    with qtbot.waitSignal(form.valueChanged):
        row._kind.setCurrentIndex(row._kind.findText("sharp images"))
    assert (form.value().images, form.value().stacks) == ((str(folder),), ())
    with qtbot.waitSignal(form.valueChanged):
        row._remove.click()
    assert form.value().images == ()
    assert rows(form) == []
    assert folder.is_dir()


def test_images_of_many_sizes_are_no_stack(form, folder):
    Image.fromarray(noise(90, 100)).save(folder / "9.png")
    form.add_paths([folder])
    assert form.value().images == (str(folder),)


def test_files_that_belong_together_are_one_row(form, folder):
    files = sorted(folder.glob("*.png"))
    form.add_paths(files)
    assert shown(form)[0][0] == "0.png and 3 more"
    assert form.value().stacks == ([str(file) for file in files],)
    rows(form)[0].kind = "image"
    assert form.value().images == tuple(str(file) for file in files)
    assert [source.path for source in form.sources()] == [str(file) for file in files]


@pytest.mark.binding
@pytest.mark.parametrize("answer", ["", "folder"])
def test_a_folder_is_asked_for(form, folder, monkeypatch, answer):
    chosen = str(folder) if answer else ""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: chosen)
    form.add_folder.click()
    assert form.value().stacks == ((str(folder),) if answer else ())


@pytest.mark.binding
def test_files_are_asked_for_and_each_stack_is_one_of_its_own(form, folder, monkeypatch):
    import tifffile

    stacks = [str(folder / f"{name}.tif") for name in "ab"]
    for path in stacks:
        tifffile.imwrite(path, noise(3, 120, 130), photometric="minisblack")
    files = [*stacks, str(folder / "0.png")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *a, **k: (files, ""))
    form.add_files.click()
    assert form.value().stacks == tuple(stacks)
    assert form.value().images == (str(folder / "0.png"),)


def test_broken_files_are_left_to_the_check(form, tmp_path):
    (tmp_path / "broken.tif").write_text("hello")
    form.add_paths([tmp_path / "broken.tif"])
    assert form.value().images == (str(tmp_path / "broken.tif"),)


def test_a_value_can_be_shown(viewer, form, folder):
    for name in ("a", "b", "c"):
        viewer.add_image(noise(3, 120, 130), name=name)
    tick(form, "a")
    form.add_paths([folder], "image")
    other = folder / "0.png"
    data = TrainingData(
        images=(str(other), noise(70, 80)), stacks=(str(folder), NamedData("b", None))
    )
    form.setValue(data)
    assert form.value().images == (str(other),)
    assert names(form.value().stacks) == [str(folder), "b"]


def check(form, qtbot):
    with qtbot.waitSignal(form.check.checked, timeout=30_000) as caught:
        form.check.controls.buttons["start"].click()
    return caught.args[0]


def test_the_check_tells_what_there_is_and_what_is_wrong(viewer, form, folder, qtbot):
    (folder / "broken.png").write_text("hello")
    viewer.add_image(noise(70, 80), name="<photo>")
    tick(form, "<photo>")
    form.add_paths([folder], "image")
    report = check(form, qtbot)
    text = form.check.controls.message.text()
    assert "5 images" in text
    assert "4 for training, 1 for validation" in text
    assert "⚠</span> 5 images only" in text
    assert "Left out: " in text
    assert report.images == 5
    expected = collect_images(form.value())
    assert form.collected.names == expected.names
    np.testing.assert_array_equal(form.collected.images[0], expected.images[0])


def test_what_was_found_is_forgotten_when_the_data_changes(form, folder, qtbot):
    form.add_paths([folder], "image")
    check(form, qtbot)
    rows(form)[0].box.click()
    assert form.collected is None
    assert not form.check.controls.message.isVisibleTo(form)
    form.check.controls.buttons["start"].click()
    assert form.check.controls.message.text().startswith("Nothing to check")


def test_images_are_not_gathered_again_for_another_config(make_form, folder, qtbot):
    config = TrainingConfig()
    form = make_form(lambda: config)
    form.add_paths([folder], "image")
    assert any(one.kind == "small" for one in check(form, qtbot).findings)
    before = form.collected
    config = TrainingConfig(patch_px=32)
    assert not any(one.kind == "small" for one in check(form, qtbot).findings)
    assert form.collected is before


def test_options_that_contradict_each_other_are_said(make_form, folder):
    def contradict():
        raise ConfigError("one against the other")

    form = make_form(contradict)
    form.add_paths([folder], "image")
    form.check.controls.buttons["start"].click()
    assert "One against the other" in form.check.controls.message.text()


def test_nothing_usable_is_said(form, tmp_path, qtbot):
    form.add_paths([tmp_path], "image")
    form.check.controls.buttons["start"].click()
    qtbot.waitUntil(
        lambda: "Found no usable image" in form.check.controls.message.text(), timeout=20_000
    )
    assert form.check.controls.buttons["start"].isVisibleTo(form)


@pytest.fixture
def stuck(monkeypatch):
    """Let the check go on for ever; returns what tells that it began and that it was closed."""
    begun, closed = threading.Event(), threading.Event()

    def iter_for_ever(data):
        begun.set()
        try:
            while not closed.wait(0.02):
                yield Preparing("reading image 3 of 4", 0.5)
        finally:
            closed.set()

    monkeypatch.setattr(data_check, "iter_collect", iter_for_ever)
    return begun, closed


@pytest.mark.binding
def test_it_shows_how_far_it_is_in_the_background_and_can_be_cancelled(form, folder, qtbot, stuck):
    form.add_paths([folder], "image")
    form.check.controls.buttons["start"].click()
    qtbot.waitUntil(
        lambda: form.check.controls.message.text() == "reading image 3 of 4", timeout=20_000
    )
    assert form.check.controls.bar.value() == form.check.controls.bar.maximum() // 2
    assert form.is_busy
    assert not form.check.controls.buttons["start"].isVisibleTo(form)
    form.check.controls.buttons["cancel"].click()
    qtbot.waitUntil(lambda: not form.is_busy, timeout=20_000)
    assert stuck[1].is_set()
    assert form.check.controls.buttons["start"].isVisibleTo(form)
    assert form.collected is None


@pytest.mark.parametrize("end", ["let go", "change"])
def test_what_ends_the_check(form, folder, qtbot, stuck, end):
    form.add_paths([folder], "image")
    form.check.controls.buttons["start"].click()
    qtbot.waitUntil(stuck[0].is_set, timeout=20_000)
    if end == "let go":
        form.release()
    else:
        rows(form)[0].box.click()
    qtbot.waitUntil(lambda: not form.is_busy, timeout=20_000)
    assert stuck[1].is_set()


@pytest.mark.binding
def test_a_form_that_let_go_follows_no_more(viewer, form):
    layer = viewer.add_image(noise(3, 120, 130), name="before")
    form.release()
    form.release()
    layer.name = "after"
    viewer.add_image(noise(3, 120, 130))
    assert [text for text, *_ in shown(form)] == ["before"]
