"""A fusion under way: progress, pause, cancel, and what may happen meanwhile."""

import errno
import gc
import re
import threading
import time

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from napari.utils.progress import progress

from napari_umis_fusion import fuse as fuse_stack
from napari_umis_fusion.errors import DeviceError, StackError
from napari_umis_fusion.layers import LayerProgress
from napari_umis_fusion.plugin.fusion import _widget as widget_module
from napari_umis_fusion.plugin.fusion._progress import progress_of
from napari_umis_fusion.plugin.widgets import Progress


class SlowStack:
    """Planes that take their time, and tell which were read."""

    dtype = np.dtype(np.uint8)

    def __init__(self, planes=40, side=64, seconds=0.05):
        self._noise = np.random.default_rng(0).integers(0, 255, (planes, side, side), np.uint8)
        self.shape, self.ndim, self.seconds = self._noise.shape, 3, seconds
        self.read = []

    def __getitem__(self, index):
        place = index[0] if isinstance(index, tuple) else index
        if threading.current_thread() is not threading.main_thread():
            self.read.append(place)
            time.sleep(self.seconds)
        return self._noise[index]

    def __array__(self, dtype=None, copy=None):
        return self._noise


@pytest.fixture
def widget(widget):
    """Return it without two of the maps: a viewer takes its time for each layer."""
    for name in ("depth_map", "confidence_map"):
        widget.output[name].value = False
    return widget


@pytest.fixture
def slow_layer(viewer):
    """Return a layer whose fusion takes 2 s at least."""
    return viewer.add_image(
        SlowStack(), name="slow", axis_labels=("z", "y", "x"), contrast_limits=(0, 255)
    )


def begin(widget, qtbot, share=0.1):
    widget.controls.buttons["start"].click()
    qtbot.waitUntil(lambda: widget.controls.bar.value() > share * 1000, timeout=20_000)


def fusion_threads():
    return [one for one in threading.enumerate() if one.name.startswith("umis-fusion")]


@pytest.mark.window
def test_progress_is_told_in_the_widget_and_in_the_activity_dock(widget, slow_layer, qtbot):
    texts = []
    widget.controls.buttons["start"].click()
    widget.job.progressed.connect(lambda share, text: texts.append((share, text)))
    (bar,) = [one for one in progress._all_instances if one.desc.startswith("Fusing slow")]
    qtbot.waitUntil(lambda: bar.n > 500, timeout=20_000)
    assert " of 40, " in bar.desc
    (running,) = widget._viewer.window._task_status_manager.get_status()
    assert "'Fusing slow' (UMIS Fusion)" in running, "napari asks about it before it closes"
    assert "s left" in bar.desc
    qtbot.waitUntil(lambda: widget.job is None, timeout=20_000)
    shares = [share for share, _ in texts]
    assert shares == sorted(shares)
    assert len({text.split(",")[0] for _, text in texts if " of 40" in text}) > 10
    assert any(text.endswith("s left") for _, text in texts)
    assert bar not in progress._all_instances
    assert "slow all-in-focus" in widget._viewer.layers


def test_cancel_acts_within_a_second_and_changes_nothing(viewer, widget, slow_layer, qtbot):
    begin(widget, qtbot)
    start = time.perf_counter()
    widget.controls.buttons["cancel"].click()
    qtbot.waitUntil(lambda: widget.job is None, timeout=5_000)
    assert time.perf_counter() - start < 1
    assert list(viewer.layers) == [slow_layer]
    assert widget.controls.message.text() == "Cancelled. No layer was changed."
    assert not fusion_threads()
    read = len(slow_layer.data.read)
    qtbot.wait(200)
    assert len(slow_layer.data.read) == read < 40


@pytest.mark.binding
def test_cancel_from_the_activity_dock(widget, slow_layer, qtbot):
    begin(widget, qtbot)
    widget.job._bar.cancel()
    qtbot.waitUntil(lambda: widget.job is None, timeout=5_000)
    assert "Cancelled" in widget.controls.message.text()


def test_pause_rests_and_goes_on_to_the_same_image(viewer, widget, slow_layer, qtbot):
    widget.method["focus_measure"].value = "laplacian"
    begin(widget, qtbot)
    widget.controls.buttons["pause"].click()
    assert widget.controls.buttons["pause"].text() == "Resume"
    qtbot.wait(300)
    read = len(slow_layer.data.read)
    qtbot.wait(400)
    assert len(slow_layer.data.read) == read < 40
    widget.controls.buttons["pause"].click()
    qtbot.waitUntil(lambda: widget.job is None, timeout=20_000)
    expected = fuse_stack(np.asarray(slow_layer.data), focus_measure="laplacian")
    np.testing.assert_array_equal(viewer.layers["slow all-in-focus"].data, expected.all_in_focus)


def test_cancel_while_paused(widget, slow_layer, qtbot):
    begin(widget, qtbot)
    widget.controls.buttons["pause"].click()
    qtbot.wait(200)
    widget.controls.buttons["cancel"].click()
    qtbot.waitUntil(lambda: widget.job is None, timeout=5_000)
    assert not fusion_threads()


def test_second_press_while_running_is_refused(viewer, widget, slow_layer, qtbot):
    begin(widget, qtbot)
    first = widget.job
    widget.fuse()
    assert widget.job is first
    assert "A fusion is running" in notification_manager.records[-1].message
    widget.controls.buttons["cancel"].click()


@pytest.mark.window
def test_two_viewers_fuse_at_once(viewer, widget, slow_layer, make_napari_viewer, qtbot):
    second = make_napari_viewer(strict_qt="raise")
    second.add_image(slow_layer.data, axis_labels=("z", "y", "x"), contrast_limits=(0, 255))
    other = widget_module.FusionWidget(second)
    second.window.add_dock_widget(other, name="second")
    for one in (widget, other):
        one.method["focus_measure"].value = "laplacian"
        one.controls.buttons["start"].click()
    assert widget.job is not None
    assert other.job is not None
    qtbot.waitUntil(lambda: widget.job is None and other.job is None, timeout=30_000)
    expected = fuse_stack(np.asarray(slow_layer.data), focus_measure="laplacian").all_in_focus
    np.testing.assert_array_equal(viewer.layers["slow all-in-focus"].data, expected)
    np.testing.assert_array_equal(second.layers["Image all-in-focus"].data, expected)
    other.close_down()


@pytest.mark.parametrize("has_other", [False, True])
def test_layer_deleted_during_the_run(viewer, widget, slow_layer, qtbot, has_other):
    if has_other:
        viewer.add_image(np.zeros((3, 20, 30), np.uint8), axis_labels=("z", "y", "x"))
        viewer.layers.selection = {slow_layer}
    begin(widget, qtbot)
    viewer.layers.remove(slow_layer)
    qtbot.waitUntil(lambda: widget.job is None, timeout=20_000)
    assert "slow all-in-focus" in viewer.layers
    assert widget.controls.message.text().startswith("Done in")
    assert widget.controls.buttons["start"].isEnabled() == has_other


@pytest.mark.binding
def test_viewer_closed_during_the_run(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    layer = viewer.add_image(SlowStack(), axis_labels=("z", "y", "x"), contrast_limits=(0, 255))
    made = widget_module.FusionWidget(viewer)
    viewer.window.add_dock_widget(made, name="fusion")
    made.method["focus_measure"].value = "laplacian"
    begin(made, qtbot)
    viewer.close()
    qtbot.waitUntil(lambda: not fusion_threads(), timeout=5_000)
    assert len(layer.data.read) < 40
    del made
    gc.collect()


@pytest.mark.binding
def test_dock_removed_during_the_run(viewer, slow_layer, qtbot):
    made = widget_module.FusionWidget(viewer)
    dock = viewer.window.add_dock_widget(made, name="second")
    made.method["focus_measure"].value = "laplacian"
    begin(made, qtbot)
    viewer.window.remove_dock_widget(dock)
    made.deleteLater()
    qtbot.waitUntil(lambda: not fusion_threads(), timeout=5_000)
    assert list(viewer.layers) == [slow_layer]
    viewer.layers.selection.clear()  # nothing listens any more that Qt has taken away
    viewer.add_shapes()
    viewer.theme = "light"
    viewer.dims.set_point(0, 3)
    assert not [one for one in viewer.mouse_drag_callbacks if one.__name__ == "_on_press"]


ERRORS = [
    (RuntimeError("CUDA error: device-side assert"), "please report it", True),
    (KeyError("a fault"), "please report it", True),
    (MemoryError("no room"), "Fuse a region", False),
    (FileNotFoundError("plane7.zarr"), "Are its files still there", False),
    (OSError(errno.ENOSPC, "No space left on device"), "The disk is full", False),
    (StackError("planes differ; crop them"), "crop them", False),
    (DeviceError("cuda is gone; choose cpu"), "choose cpu", False),
]


@pytest.mark.binding
def test_errors_are_told_in_the_panel_and_only_faults_with_a_traceback(
    viewer, widget, stack_layer, qtbot, monkeypatch
):
    records = []
    monkeypatch.setattr(
        notification_manager, "receive_error", lambda kind, *_: records.append(kind)
    )
    for error, advice, is_fault in ERRORS:

        def failing(*_, error=error):
            raise error
            yield

        monkeypatch.setattr(widget_module, "iter_fuse_layer", failing)
        widget.controls.buttons["start"].click()
        qtbot.waitUntil(lambda: widget.job is None, timeout=5_000)
        assert records == [type(error)] * is_fault
        records.clear()
        # Its first letter may be a capital one now.
        assert error.args[-1][1:] in widget.controls.message.text()
        assert advice in widget.controls.message.text()
        assert list(viewer.layers) == [stack_layer]
        assert widget.controls.buttons["start"].isEnabled()


def _fail(*_, **__):
    raise KeyError("a fault")


FAULTY = {
    "progress text": lambda patch: patch.setattr(widget_module, "progress_of", _fail),
    "plane table": lambda patch: patch.setattr(widget_module.PlaneTable, "fill", _fail),
    "new layers": lambda patch: patch.setattr("napari.layers.Layer.create", _fail),
}


@pytest.mark.binding
@pytest.mark.parametrize("place", FAULTY)
def test_a_fault_while_events_are_shown_ends_the_run(
    viewer, widget, stack_layer, place, qtbot, monkeypatch
):
    records = []
    monkeypatch.setattr(
        notification_manager, "receive_error", lambda kind, *_: records.append(kind)
    )
    with monkeypatch.context() as patch:
        FAULTY[place](patch)
        widget.controls.buttons["start"].click()
        qtbot.waitUntil(lambda: widget.job is None, timeout=10_000)
    assert records == [KeyError]
    assert "a fault" in widget.controls.message.text()
    assert widget.controls.buttons["start"].isVisibleTo(widget)
    assert not fusion_threads()
    widget.controls.buttons["start"].click()
    qtbot.waitUntil(lambda: widget.job is None, timeout=10_000)
    assert widget.controls.message.text().startswith("Done in ")


def test_the_end_says_how_long_and_how_much_is_never_in_focus(viewer, widget, fuse):
    data = np.zeros((5, 64, 80), np.uint8) + 90
    data[2, :, :60] = np.random.default_rng(0).integers(0, 255, (64, 60))
    viewer.add_image(np.stack([data] * 3), axis_labels=("t", "z", "y", "x"))
    fuse()
    said = widget.controls.message.text()
    assert re.match(r"Done in (\d+ min )?\d+ s: 3 stacks of 5 planes, ", said), said
    share = fuse_stack(data, focus_measure="laplacian").never_in_focus().mean()
    assert share > 0.05
    assert f"planes, {round(100 * share)} % never in focus. " in said


def test_bad_values_are_told_and_leave_the_layers(viewer, widget, qtbot):
    stack = np.ones((4, 32, 32), np.float32)
    stack[2, 5, 5] = np.nan
    layer = viewer.add_image(stack, axis_labels=("z", "y", "x"))
    widget.controls.buttons["start"].click()
    qtbot.waitUntil(lambda: widget.job is None, timeout=5_000)
    assert "NaN" in widget.controls.message.text()
    assert list(viewer.layers) == [layer]


def test_gpu_out_of_memory_goes_on_elsewhere_and_says_so(
    viewer, widget, stack_layer, fuse, monkeypatch
):
    """A graphics card made of a CPU: the same image, and a note of what happened."""
    import torch

    from napari_umis_fusion.focus_measure import _torch_scorer as learned

    class Short(learned.TwoScaleStream):
        def __init__(self, model, device, size, strip_rows, **options):
            super().__init__(model, torch.device("cpu"), size, strip_rows, **options)
            self.is_short = device.type == "cuda"

        def push(self, plane):
            if self.is_short:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return super().push(plane)

    monkeypatch.setattr(learned, "computes_bfloat16", lambda device: False)
    widget.method["focus_measure"].value = "learned"
    fuse()
    expected = viewer.layers["beads all-in-focus"].data.copy()
    monkeypatch.setattr(learned, "TwoScaleStream", Short)
    monkeypatch.setattr(learned, "choose_device", torch.device)
    widget.method["device"].value = "cuda"
    fuse()
    np.testing.assert_allclose(viewer.layers["beads all-in-focus"].data, expected, atol=1)
    assert "cuda ran out of memory: fell back" in widget.controls.message.text().lower()


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (LayerProgress(0, 1, "measuring", 4, 12, 0.3), "plane 5 of 12"),
        (LayerProgress(1, 10, "measuring", 12, 12, 0.3), "stack 2 of 10, plane 12 of 12"),
        (LayerProgress(1, 10, "aligning", 2, 12, 0.1), "stack 2 of 10, aligning plane 3 of 12"),
        (LayerProgress(0, 1, "verifying", 0, 12, 0.9), "verifying"),
    ],
)
def test_progress_in_words(event, text):
    assert progress_of(event) == Progress(event.share, text, timed_share=event.share)
