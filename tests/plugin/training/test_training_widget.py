"""The training widget: each control, each way to fail, and going on after it."""

import gc
import threading

import numpy as np
import pytest
import torch
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication

from napari_umis_fusion.models.library import ModelLibrary
from napari_umis_fusion.network import (
    PlaneRanker,
    load_checkpoint,
    save_checkpoint,
    shipped_weights,
)
from napari_umis_fusion.plugin.training import _pending_result as result_module
from napari_umis_fusion.plugin.training import _widget as module
from napari_umis_fusion.plugin.training._basics_form import Basics
from napari_umis_fusion.plugin.training._monitor_form import Monitored
from napari_umis_fusion.plugin.training._presets import FINE_TUNE, OWN, PRESETS, PUBLISHED, TRAIN
from napari_umis_fusion.plugin.training._widget import TrainingWidget
from napari_umis_fusion.synthetic import make_stack
from napari_umis_fusion.training import Comparison, TrainingConfig
from napari_umis_fusion.training.loop import train_to_end
from napari_umis_fusion.training.loop._state import TrainingState
from napari_umis_fusion.training.objectives import ValidationExample
from napari_umis_fusion.training.objectives._select import SelectObjective
from napari_umis_fusion.training.session import last_session, load_config

TINY = {
    "batch": 4,
    "patch_px": 32,
    "device": "cpu",
    "precision": "float32",
    "threads": 2,
    "validation_share": 0.2,
}
QUICK = TrainingConfig(steps=4, validate_every=2, learning_rate=1e-2, test_share=0.0, **TINY)
COMPARED = QUICK.replace(test_share=0.2)
"""The result is compared with the initial weights, which takes longer than such a training."""

LONG = TrainingConfig(steps=50_000, validate_every=2, **TINY)


@pytest.fixture
def earnest(monkeypatch):
    """Train as users do: tests that do not ask for it train at next to nothing."""
    monkeypatch.setattr(SelectObjective, "validation_examples", 2)


@pytest.fixture(autouse=True)
def small(monkeypatch, quick_aim, request):
    if "earnest" not in request.fixturenames:
        quick_aim()
    monkeypatch.setattr("napari_umis_fusion.training.loop._compare.STACKS", 2)
    monkeypatch.setattr("napari_umis_fusion.training.loop._compare.SIDE_PX", 64)


@pytest.fixture(autouse=True)
def answers(monkeypatch):
    """Answer every question with yes, and remember which were asked."""
    asked = []

    def answer(parent, question, do_it):
        asked.append(question)
        return answer.yes

    answer.yes = True
    asked.append(answer)
    for one in (module, result_module):
        monkeypatch.setattr(one, "confirm", answer)
    return asked


@pytest.fixture
def images(viewer):
    """Return layers to learn from: sharp images, as far as one can tell, three in each.

    Few layers: what a viewer makes and takes down for each is much of the time of a test.
    """
    noise = np.random.default_rng(0).integers(0, 255, (2, 3, 80, 90), np.uint8)
    axes = ("t", "y", "x")
    return [
        viewer.add_image(one, name=f"images {k}", axis_labels=axes) for k, one in enumerate(noise)
    ]


@pytest.fixture
def make_widget(viewer, dock, qtbot):
    made = []

    def make():
        made.append(dock(TrainingWidget(viewer), f"training {len(made)}"))
        return made[-1]

    yield make
    for widget in made:
        widget.close_down()
        qtbot.waitUntil(lambda w=widget: is_idle(w), timeout=20_000)


@pytest.fixture
def widget(make_widget, viewer, images):
    viewer.layers.selection = set(images)
    made = make_widget()
    made.setValue(QUICK)
    made.setup.basics.select_weights(None)  # then there is a result in any case
    return made


def is_idle(widget):
    parts = (widget.data, widget.setup, widget.result)
    return widget.job is None and not any(part.is_busy for part in parts)


def finish(widget, qtbot):
    qtbot.waitUntil(lambda: widget.job is None, timeout=60_000)


def run(widget, qtbot):
    widget.controls.buttons["start"].click()
    finish(widget, qtbot)


def begin(widget, qtbot, step=3):
    """Start a training that would take long, and wait for a step of it."""
    widget.setValue(LONG)
    widget.controls.buttons["start"].click()
    qtbot.waitUntil(lambda: widget.job is not None and widget.job.step >= step, timeout=60_000)


def our_threads():
    return [one for one in threading.enumerate() if one.name.startswith("umis-fusion")]


@pytest.mark.binding
@pytest.mark.usefixtures("earnest")
def test_a_training_from_start_to_use(viewer, widget, qtbot):
    widget.setValue(COMPARED)
    widget.setup.basics["name"].value = "mine"
    run(widget, qtbot)
    assert "result is shown below" in widget.controls.message.text()
    assert [row["step"] for row in widget.plot.value().rows] == [1, 2, 3, 4]
    assert not our_threads()
    panel = widget.result.panel
    assert ModelLibrary().models() == [], "nothing silently"
    assert "plane-ranker" in panel.message.text()
    assert panel.name.text() == "mine"
    panel.use.click()
    qtbot.waitUntil(lambda: not widget.result.is_busy, timeout=20_000)
    (model,) = ModelLibrary().models()
    assert model.name == "mine"
    assert model.comparison["stacks"] == 2
    assert (model.initial_weights, model.comparison["baseline"]) == ("", "plane-ranker")
    from napari_umis_fusion.plugin.fusion._widget import FusionWidget

    (fusion,) = (w for w in viewer.window._qt_window.findChildren(FusionWidget))
    assert fusion.value().checkpoint == str(model.path)
    assert last_session() is None, "it is settled"
    fusion.close_down()


@pytest.mark.slow
@pytest.mark.usefixtures("earnest")
def test_it_trains_as_a_script_does(widget, images, qtbot):
    """The same config and data give the same weights."""
    run(widget, qtbot)
    expected = train_to_end(widget.data.value(), QUICK)
    result = widget.result._result
    assert result.metrics == expected.metrics
    same = expected.model.state_dict()
    assert all(torch.equal(t, same[n]) for n, t in result.model.state_dict().items())


def test_nothing_to_learn_from_is_told(make_widget):
    widget = make_widget()
    widget.controls.buttons["start"].click()
    assert widget.job is None
    assert "Choose training data" in widget.controls.message.text()


@pytest.mark.binding
def test_pause_rests_and_resume_goes_on(widget, qtbot):
    begin(widget, qtbot)
    widget.controls.buttons["pause"].click()
    assert widget.controls.buttons["pause"].text() == "Resume"
    qtbot.wait(600)  # what was under way ends
    step = widget.job.step
    qtbot.wait(600)
    assert widget.job.step == step
    assert "Paused: step" in widget.controls.message.text()
    widget.controls.buttons["pause"].click()
    qtbot.waitUntil(lambda: widget.job.step > step + 2, timeout=20_000)
    widget.controls.buttons["stop"].click()
    finish(widget, qtbot)


@pytest.mark.slow
@pytest.mark.parametrize("paused", [False, True])
def test_stop_keeps_the_best(widget, qtbot, paused):
    begin(widget, qtbot)
    if paused:
        widget.controls.buttons["pause"].click()
    widget.controls.buttons["stop"].click()
    finish(widget, qtbot)
    assert "It was stopped; the best weights" in widget.result.panel.message.text()
    assert not widget.controls.details.text(), "its numbers are those of what runs"
    assert widget.result._result.reason == "stopped"
    assert not our_threads()


@pytest.mark.slow
def test_discard_asks_and_leaves_nothing(widget, qtbot, answers):
    answers[0].yes = False
    begin(widget, qtbot)
    widget.controls.buttons["discard"].click()
    assert "Discard" in answers[-1]
    assert widget.job is not None
    assert not widget.job.is_stopping
    answers[0].yes = True
    widget.controls.buttons["discard"].click()
    finish(widget, qtbot)
    assert last_session() is None
    assert "Discarded" in widget.controls.message.text()
    assert not widget.controls.buttons["resume"].isVisibleTo(widget)
    assert not our_threads()


@pytest.mark.slow
@pytest.mark.usefixtures("earnest")
def test_after_a_restart_it_goes_on_to_the_same_weights(viewer, widget, images, qtbot, make_widget):
    settings = QUICK.replace(steps=9, validate_every=3)
    start = shipped_weights("plane-ranker")
    expected = train_to_end(widget.data.value(), settings, start=start)
    widget.setup.basics.select_weights(start)
    widget.setValue(settings)
    widget.controls.buttons["start"].click()
    qtbot.waitUntil(lambda: widget.job.step >= 4, timeout=60_000)
    widget.close_down()  # as when napari is closed
    finish(widget, qtbot)
    viewer.layers.clear()
    again = make_widget()
    assert again.controls.buttons["resume"].isVisibleTo(again)
    again.controls.buttons["resume"].click()
    finish(again, qtbot)
    assert [row["step"] for row in again.plot.value().rows] == list(range(10))
    assert again.value() == settings
    result = again.result._result
    assert result.start_metrics == expected.start_metrics
    same = expected.model.state_dict()
    assert all(torch.equal(t, same[n]) for n, t in result.model.state_dict().items())


@pytest.mark.slow
def test_shut_while_it_trains_it_suspends_and_says_so(widget, qtbot):
    begin(widget, qtbot)
    widget.close_down()
    assert not our_threads(), "the work has ended before the window is gone"
    assert "interrupted at step" in notification_manager.records[-1].message
    assert last_session() is not None
    finish(widget, qtbot)


@pytest.mark.binding
def test_closing_the_dock_suspends(viewer, images, qtbot):
    viewer.layers.selection = set(images)
    widget = TrainingWidget(viewer)
    dock = viewer.window.add_dock_widget(widget, name="closed")
    begin(widget, qtbot)
    dock.destroyOnClose()
    widget.deleteLater()
    qtbot.waitUntil(lambda: not our_threads(), timeout=20_000)
    assert last_session() is not None
    viewer.layers.selection.clear()  # nothing listens any more that Qt has taken away
    viewer.add_shapes()
    viewer.layers.remove(images[0])
    viewer.theme = "light"


@pytest.mark.window
@pytest.mark.slow
def test_napari_knows_of_the_work_and_asks(viewer, widget, qtbot):
    begin(widget, qtbot)
    manager = viewer.window._task_status_manager
    assert manager.is_busy()
    manager.cancel_all()  # the user said yes
    finish(widget, qtbot)
    assert last_session().state.exists()


@pytest.mark.slow
def test_a_second_training_is_refused_while_one_runs(widget, qtbot):
    begin(widget, qtbot)
    first = widget.job
    widget.train()
    assert widget.job is first
    assert "A training is running" in notification_manager.records[-1].message
    widget.controls.buttons["stop"].click()
    finish(widget, qtbot)


def failing(monkeypatch, aim, error, after=3):
    batch = aim.batch

    def bad(objective, step):
        if step >= after:
            raise error
        return batch(objective, step)

    monkeypatch.setattr(aim, "batch", bad)


KEPT = "The checkpoint of step 2 is kept"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "text", "advice"),
    [
        (
            torch.cuda.OutOfMemoryError("CUDA out of memory"),
            "ran out of memory; lower batch",
            f"{KEPT}, but Resume last training needs as much memory again",
        ),
        (OSError(5, "Input/output error"), "Input/output error", f"{KEPT}: press Resume last"),
        (
            ZeroDivisionError("oops"),
            "an error of the plugin, please report",
            f"{KEPT}: press Resume",
        ),
    ],
    ids=["memory", "file", "bug"],
)
def test_what_goes_wrong_is_told_with_what_is_kept(
    widget, qtbot, monkeypatch, quick_aim, error, text, advice
):
    failing(monkeypatch, quick_aim.aim, error)
    run(widget, qtbot)
    said = widget.controls.message.text()
    assert text in said
    assert advice in said
    assert widget.controls.buttons["resume"].isVisibleTo(widget)
    assert not our_threads()
    monkeypatch.undo()


@pytest.mark.slow
def test_it_goes_on_after_it_went_wrong(widget, qtbot, monkeypatch, quick_aim):
    with monkeypatch.context() as patch:
        failing(patch, quick_aim.aim, torch.cuda.OutOfMemoryError("CUDA out of memory"))
        run(widget, qtbot)
    widget.controls.buttons["resume"].click()
    finish(widget, qtbot)
    assert [row["step"] for row in widget.plot.value().rows] == [1, 2, 3, 4]


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_told_and_the_best_is_kept(
    widget, qtbot, monkeypatch, quick_aim
):
    monkeypatch.setattr(
        quick_aim.aim, "batch", lambda _, step: float("nan") if step == 3 else 0.1 * step
    )
    run(widget, qtbot)
    said = widget.result.panel.message.text()
    assert "infinite or not a number: the last finite weights are kept" in said
    assert widget.result.is_open


@pytest.mark.slow
def test_a_full_disk_is_told_and_training_goes_on(widget, qtbot, monkeypatch):
    from napari_umis_fusion.errors import CheckpointError

    def full(state, path):
        raise CheckpointError(f"{path}: training cannot save there (No space left on device)")

    monkeypatch.setattr(TrainingState, "save", full)
    told = []
    widget.controls.details.setText = told.append
    run(widget, qtbot)
    assert any("No space left" in text and "Training continues" in text for text in told)
    assert "result is shown below" in widget.controls.message.text()


@pytest.mark.slow
def test_an_outcome_that_cannot_be_saved_is_still_there(widget, qtbot, monkeypatch):
    from napari_umis_fusion.errors import CheckpointError

    run(widget, qtbot)

    def full(library, path, name):
        raise CheckpointError("models: No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr(ModelLibrary, "add", full)
        widget.result.panel.keep.click()
        qtbot.waitUntil(lambda: not widget.result.is_busy, timeout=20_000)
    assert "Not saved: models: No space left" in widget.result.panel.message.text()
    assert widget.result.is_open
    widget.result.panel.keep.click()
    qtbot.waitUntil(lambda: not widget.result.is_open, timeout=20_000)
    assert len(ModelLibrary().models()) == 1


@pytest.mark.slow
def test_unreadable_files_are_left_out_and_told(widget, qtbot, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "broken.png").write_bytes(b"hello")
    widget.data.add_paths([folder], "image")
    told = []
    widget.controls.details.setText = told.append
    run(widget, qtbot)
    assert any("1 left out" in text for text in told)


@pytest.mark.slow
def test_an_undecided_outcome_is_not_dropped_unasked(widget, qtbot, answers):
    run(widget, qtbot)
    answers[0].yes = False
    widget.controls.buttons["start"].click()
    assert "has not been saved" in answers[-1]
    assert widget.job is None
    assert widget.result.is_open


@pytest.mark.slow
def test_throwing_an_outcome_away(widget, qtbot):
    run(widget, qtbot)
    widget.result.panel.discard.click()
    assert not widget.result.is_open
    assert last_session() is None
    assert ModelLibrary().models() == []


def test_too_little_memory_is_asked_about(widget, answers, monkeypatch, qtbot):
    answers[0].yes = False
    monkeypatch.setattr(
        "napari_umis_fusion.training.loop._memory.free_memory_mb", lambda device: 10
    )
    widget.setValue(QUICK.replace(steps=5))
    qtbot.waitUntil(lambda: widget.setup.memory is not None, timeout=5_000)
    assert "Not enough memory" in widget.setup.message.text()
    widget.controls.buttons["start"].click()
    assert "Start anyway?" in answers[-1]
    assert widget.job is None


@pytest.mark.slow
@pytest.mark.usefixtures("earnest")
def test_the_region_is_shown_before_and_now(viewer, widget, qtbot):
    stack = make_stack("discs", (96, 128), planes=3, channels=None).stack
    layer = viewer.add_image(
        stack, name="beads", axis_labels=("z", "y", "x"), scale=(2, 0.5, 0.5), translate=(0, 7, 9)
    )
    widget.region.monitor(layer)
    region = viewer.add_shapes(
        [[[20 * 0.5 + 7, 30 * 0.5 + 9], [59 * 0.5 + 7, 93 * 0.5 + 9]]],
        shape_type="rectangle",
        name="region",
    )
    widget.region["region"].value = region.name
    assert widget.region.stack().shape == (3, 40, 64)
    run(widget, qtbot)
    before, now = viewer.layers["beads initial weights"], viewer.layers["beads current weights"]
    for made in (before, now):
        assert made.data.shape == (40, 64)
        assert made.data.dtype == stack.dtype
        np.testing.assert_allclose(made.translate, (20 * 0.5 + 7, 30 * 0.5 + 9))
        np.testing.assert_allclose(made.scale, (0.5, 0.5))
    assert (before.data != now.data).any()
    assert "Fused with the weights of step 4" in widget.region.message.text()
    names = [row.name for row in widget.data.sources()]
    assert "beads current weights" not in names, "pictures are no data"


@pytest.mark.binding
def test_a_region_can_be_drawn(viewer, widget):
    stack = np.random.default_rng(0).integers(0, 255, (3, 100, 700), np.uint8)
    layer = viewer.add_image(stack, name="wide", axis_labels=("z", "y", "x"))
    widget.region.monitor(layer)
    assert widget.region.stack().shape == (3, 100, 512), "no more than that at once"
    widget.region.draw()
    shapes = viewer.layers["monitored region"]
    assert shapes.mode == "add_rectangle"
    shapes.add_rectangles([[10, 10], [29, 39]])
    stack = widget.region.stack()
    assert stack.shape == (3, 20, 30)
    layer.name, shapes.name = "wide stack", "the middle"  # while a training may look at it
    assert widget.region.value() == Monitored("wide stack", "the middle")
    assert widget.region.stack() is stack
    viewer.layers.remove(layer)
    assert widget.region.stack() is None


@pytest.mark.binding
def test_presets_set_everything_and_edits_make_them_ones_own(widget):
    preset = widget.setup.basics["preset"]
    for name in (FINE_TUNE, TRAIN, PUBLISHED):
        preset.value = name
        assert widget.value().replace(planes=0, device="auto", threads=0) == PRESETS[name]
        assert preset.value == name
        start = widget.setup.basics.value().weights
        assert start == (shipped_weights("plane-ranker") if name == FINE_TUNE else None)
    widget.setup.options["batch"].value = 3
    assert preset.value == OWN
    assert widget.value().batch == 3


def test_rows_that_have_no_say_are_hidden(widget):
    form = widget.setup.options
    widget.setValue(TrainingConfig())
    assert form.is_row_shown("patch_px")
    assert not form.is_row_shown("ssim_weight")
    widget.setValue(TrainingConfig.reference())
    assert not form.is_row_shown("patch_px")
    assert form.is_row_shown("ssim_weight")


def test_a_number_that_is_none_is_told(widget):
    for text in ("much", "", "2"):
        widget.controls.message.clear()
        widget.setup.options["learning_rate"].value = text
        widget.controls.buttons["start"].click()
        assert widget.job is None
        assert "learning" in widget.controls.message.text().lower(), text


def test_planes_follow_the_stacks_that_are_learnt_from(viewer, make_widget):
    stack = np.random.default_rng(0).integers(0, 255, (11, 240, 240), np.uint8)
    viewer.add_image(stack, name="beads", axis_labels=("z", "y", "x"))
    widget = make_widget()
    assert widget.value().planes == 11
    widget.setup.options["planes"].value = 5
    viewer.add_image(stack[:7], name="more", axis_labels=("z", "y", "x"))
    widget.data._layers[0].box.setChecked(True)
    assert widget.value().planes == 5, "the user's own number stays"


def test_weights_of_the_library_and_of_a_file_can_be_started_from(widget, tmp_path, monkeypatch):
    model = ModelLibrary().add(make_random(tmp_path), "older")
    module.library_changed.emit()
    start = widget.setup.basics
    start.select_weights(model.path)
    assert (start.value().weights, start.initial_name) == (model.path, "older")
    other = tmp_path / "other.safetensors"
    other.write_bytes(model.path.read_bytes())
    monkeypatch.setattr(type(start), "choose_file", lambda self: other)
    start["weights"].value = "from a file …"
    assert (start.value().weights, start.initial_name) == (other, "other")
    monkeypatch.setattr(type(start), "choose_file", lambda self: None)
    start["weights"].value = "from a file …"
    assert start.value().weights == other, "the dialog was closed"
    start.select_weights(None)
    assert (start.value().weights, start.initial_name) == (None, "")
    widget.setup.basics["preset"].value = PUBLISHED
    assert start.value().weights is None, "it begins anew"
    start["weights"].value = "weights of this package"
    assert start.value().weights == shipped_weights("umis-unetplusplus")


def test_a_config_that_is_loaded_is_trained_to_the_last_digit(widget):
    config = QUICK.replace(learning_rate=0.123456789, weight_decay=1e-7 / 3)
    widget.setValue(config)
    assert widget.value() == config


def test_what_is_set_is_what_each_part_holds(viewer, widget, tmp_path):
    stack = np.random.default_rng(0).integers(0, 255, (3, 40, 50), np.uint8)
    viewer.add_image(stack, name="beads", axis_labels=("z", "y", "x"))
    viewer.add_shapes(name="region")
    for form, value in (
        (widget.setup.basics, Basics(make_random(tmp_path), "opaque", "mine")),
        (widget.setup.basics, Basics(None)),
        (widget.region, Monitored("beads", "region")),
        (widget.setup, LONG.replace(specimen="transmitted", seed=3)),
    ):
        told = []
        form.valueChanged.connect(lambda told=told, form=form: told.append(form.value()))
        form.setValue(value)
        assert form.value() == value
        assert told[-1] == value


def test_a_hidden_picture_stays_hidden_and_a_removed_one_away(viewer, widget):
    stack = make_stack("discs", (48, 64), planes=3, channels=None).stack
    layer = viewer.add_image(stack, name="beads", axis_labels=("z", "y", "x"))
    region = widget.region
    region.monitor(layer)
    for when in ("initial weights", "current weights"):
        region._show(region._region, when, stack[0])
    viewer.layers["beads initial weights"].visible = False
    viewer.layers.remove("beads current weights")
    for when in ("initial weights", "current weights"):
        region._show(region._region, when, stack[1])
    assert not viewer.layers["beads initial weights"].visible
    np.testing.assert_array_equal(viewer.layers["beads initial weights"].data, stack[1])
    assert "beads current weights" not in viewer.layers


def test_shut_before_it_has_begun_it_never_does(widget):
    widget.controls.buttons["start"].click()
    widget.close_down()
    assert not our_threads()


def test_a_saved_config_replaces_no_file_that_was_not_chosen(widget, tmp_path, monkeypatch):
    (tmp_path / "mine.json").write_text("precious")
    monkeypatch.setattr(widget.files, "choose_save_file", lambda: tmp_path / "mine")
    widget.files.save.click()
    assert (tmp_path / "mine.json").read_text() == "precious"
    assert "exists already" in widget.controls.message.text()


@pytest.mark.binding
def test_the_config_is_saved_loaded_and_copied_as_a_script(widget, tmp_path, monkeypatch):
    monkeypatch.setattr(widget.files, "choose_save_file", lambda: tmp_path / "c.json")
    widget.setup.basics.select_weights(shipped_weights("plane-ranker"))
    widget.setup.basics["specimen"].value = "opaque"
    widget.files.save.click()
    assert load_config(tmp_path / "c.json") == QUICK.replace(specimen="opaque")
    widget.setup.basics["preset"].value = TRAIN
    monkeypatch.setattr(widget.files, "choose_load_file", lambda: tmp_path / "c.json")
    widget.files.load.click()
    assert widget.value() == QUICK.replace(specimen="opaque")
    widget.setup.basics.select_weights(shipped_weights("plane-ranker"))  # the preset began anew
    widget.files.copy.click()
    script = QApplication.clipboard().text()
    compile(script, "script", "exec")
    assert "specimen='opaque'" in script
    assert "shipped_weights('plane-ranker')" in script
    (tmp_path / "c.json").write_text("{")
    widget.files.load.click()
    assert "is not JSON" in widget.controls.message.text()
    assert widget.value() == QUICK.replace(specimen="opaque")


def make_random(folder):
    """Save weights that are none of those of the package."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = PlaneRanker()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, 0, 0.3)
        return save_checkpoint(folder / "random.safetensors", model)


@pytest.mark.slow
def test_the_outcome_is_saved_with_all_that_is_known_of_it(
    widget, qtbot, tmp_path, monkeypatch, quick_aim
):
    scores = iter((30.0, 31.0, 32.0))

    def validate_example(objective, index, device):
        if index == 0:
            validate_example.score = next(scores)
        return ValidationExample({"psnr": validate_example.score}, {})

    monkeypatch.setattr(quick_aim.aim, "validate_example", validate_example)
    monkeypatch.setattr(Comparison, "gain_db", 0.5)  # after four steps it is chance
    widget.setValue(COMPARED)
    widget.setup.basics.select_weights(make_random(tmp_path))
    run(widget, qtbot)
    widget.result.panel.name.setText("better beads")
    widget.result.panel.keep.click()
    qtbot.waitUntil(lambda: not widget.result.is_open, timeout=20_000)
    (model,) = ModelLibrary().models()
    about = load_checkpoint(model.path).metadata
    assert model.name == "better beads"
    assert TrainingConfig(**about["config"]) == COMPARED
    assert about["comparison"]["baseline"] == about["parent"] == "random"
    assert about["parent_sha256"] == load_checkpoint(tmp_path / "random.safetensors").sha256


@pytest.mark.slow
def test_pictures_of_the_comparison_as_layers(viewer, widget, qtbot):
    widget.setValue(COMPARED)
    run(widget, qtbot)
    widget.result.panel.show_layers.click()
    names = {layer.name for layer in viewer.layers}
    assert {"compared: truth", "compared: initial", "compared: result"} <= names


@pytest.mark.binding
def test_it_leaves_no_listener_behind(viewer, make_widget, images, qtbot):
    widget = make_widget()
    widget.close_down()
    widget.close_down()
    viewer.layers.remove(images[0])
    viewer.add_image(np.zeros((80, 90), np.uint8))
    gc.collect()
    assert not our_threads()


@pytest.mark.binding
def test_the_menu_opens_it_once(viewer, qtbot):
    from napari_umis_fusion.plugin.commands import open_training

    one, other = open_training(viewer), open_training(viewer)
    assert one is other
    one.close_down()


def test_what_another_process_works_on_is_told_without_talk_of_checkpoints():
    from napari_umis_fusion.errors import BusyError
    from napari_umis_fusion.plugin.training._endings import error_advice

    assert error_advice(BusyError("worked on by process 7"), 0) == "Worked on by process 7"


def test_before_the_first_step_an_error_talks_of_the_data_alone():
    from napari_umis_fusion.errors import StackError
    from napari_umis_fusion.plugin.training._endings import error_advice

    assert error_advice(StackError("found no usable image."), None) == "Found no usable image."
    assert "No checkpoint" in error_advice(StackError("lost"), 0)


@pytest.mark.slow
def test_it_goes_on_with_what_the_command_line_began(make_widget, tmp_path, monkeypatch, qtbot):
    from PIL import Image

    from napari_umis_fusion.cli import main
    from napari_umis_fusion.cli._training_report import TrainingReport
    from napari_umis_fusion.training import StepDone

    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for number, plane in enumerate(np.random.default_rng(0).integers(0, 255, (4, 64, 64))):
        Image.fromarray(plane.astype(np.uint8)).save(f"data/{number}.png")
    take = TrainingReport.on_event

    def pressed(report, event):
        take(report, event)
        if isinstance(event, StepDone):
            raise KeyboardInterrupt

    options = ["--steps", "3", "--validate-every", "2", "--batch", "4", "--patch-px", "32"]
    options += ["--device", "cpu", "--precision", "float32", "--threads", "2"]
    monkeypatch.setattr(TrainingReport, "on_event", pressed)
    assert main(["train", "data", "-o", "beetle.safetensors", *options]) == 130
    widget = make_widget()
    assert "beetle" in widget.controls.buttons["resume"].toolTip()
    widget.controls.buttons["resume"].click()
    finish(widget, qtbot)
    assert [row["step"] for row in widget.plot.value().rows] == [1, 2, 3]
    assert widget.result.panel.name.text() == "beetle"
