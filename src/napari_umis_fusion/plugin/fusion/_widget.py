"""The fusion widget: from the active layer to layers that show it all in focus."""

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox
from napari.utils.notifications import notification_manager, show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import CheckpointError, UmisFusionError
from napari_umis_fusion.layers.events import LayerFinished
from napari_umis_fusion.layers.fusing import iter_fuse_layer
from napari_umis_fusion.layers.plan import LayerPlan
from napari_umis_fusion.layers.script import script_for
from napari_umis_fusion.plugin._warm_up import warm_up
from napari_umis_fusion.plugin.fusion._alignment_section import AlignmentForm
from napari_umis_fusion.plugin.fusion._defaults import default_config
from napari_umis_fusion.plugin.fusion._focus_view import FocusView
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.fusion._method_form import ConfigForm
from napari_umis_fusion.plugin.fusion._output_form import OutputForm
from napari_umis_fusion.plugin.fusion._part_form import PartForm
from napari_umis_fusion.plugin.fusion._preview import Preview
from napari_umis_fusion.plugin.fusion._run import FusionRun
from napari_umis_fusion.plugin.fusion._run_row import RunRow
from napari_umis_fusion.plugin.fusion._stack_choice import StackChoice
from napari_umis_fusion.plugin.viewer import BETWEEN_LAYERS_MS, TargetStack
from napari_umis_fusion.plugin.widgets._section import section
from napari_umis_fusion.plugin.widgets._vertical_scroll import VerticalScroll

if TYPE_CHECKING:
    from collections.abc import Generator


class FusionWidget(QWidget):
    """Fuses the active layer of a viewer.

    Parameters
    ----------
    napari_viewer : napari viewer
        Whose layers are fused.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        # the proxy that plugins get gives another object for a layer each time
        napari_viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self._viewer = napari_viewer
        self.run: FusionRun | None = None
        self._is_shut = False
        self._told, self._first = "", None
        self._showing: Generator[Any] | None = None
        self._next_layer = QTimer(self)
        self._next_layer.setSingleShot(True)
        self._next_layer.setInterval(BETWEEN_LAYERS_MS)
        self._next_layer.timeout.connect(self._show_next)
        self.fused = FusedLayers(napari_viewer)
        self.stack = StackChoice(napari_viewer, self.fused)
        self.row = RunRow()
        self.preview = Preview(napari_viewer, self._described)
        self.preview_box = CheckBox(
            text="preview what is in sight",
            tooltip="While options change, fuse the middle of what the viewer shows, at most 512 "
            "pixels wide. The stack itself is not touched.",
        )
        self.part = PartForm(napari_viewer)
        self.method = ConfigForm(default_config())
        self.alignment = AlignmentForm(napari_viewer, self.fused, default_config())
        self.output = OutputForm()
        self.focus = FocusView(napari_viewer, self.fused)
        self.copy = QPushButton("Copy as Python")
        self.copy.setToolTip("Copy a script that does the same outside napari to the clipboard.")
        self._lay_out()
        self._connect()
        self._on_stack()
        warm_up()

    @property
    def config(self) -> FusionConfig:
        """How to fuse, as the rows say; raises `ConfigError` if they contradict each other."""
        channel = self.stack.decision()["channel"]
        return self.method.config.replace(channel=channel, **self.alignment.options())

    @config.setter
    def config(self, config: FusionConfig) -> None:
        self.method.config = config
        self.alignment.show_config(config)

    def plan(self, target: TargetStack) -> LayerPlan:
        """Return what is fused of a stack and which layers come of it, as the rows say."""
        several = len(target.images) > 1 or target.axes.channel is not None
        return LayerPlan(
            z_axis=target.axes.z,
            channel_axis=target.axes.channel,
            each_channel=several and self.stack.decision()["each_channel"],
            **self.part.options(target),
            **self.alignment.plan_options(target),
            **self.output.options(target.axes),
        )

    def fuse(self) -> None:
        """Start to fuse the stack that the widget shows; a message tells why if it cannot."""
        target = self.stack.target
        if self.run is not None:
            show_info("A fusion is running. Cancel it, or wait until it is done.")
            return
        if target is None:
            self.row.say(self.stack.says.text())
            return
        try:
            config, plan = self.config, self.plan(target)
        except UmisFusionError as error:
            self.row.say(str(error))
            return
        self._start(target, config, plan)

    def use_model(self, path: str | Path) -> None:
        """Fuse with these weights from now on, and with the focus measure that they are for."""
        try:
            measure = self.method.use_weights(path)
        except CheckpointError as error:
            self.row.say(str(error))
            return
        weights = self.method.weights.currentText()
        self.row.say(f"Fuses with the weights {weights!r} from now on (focus measure {measure!r}).")

    def script(self) -> str:
        """Return a script that does outside napari what the button does here.

        Raises
        ------
        UmisFusionError
            If there is no stack, or the rows contradict each other.
        """
        target = self.stack.target
        if target is None:
            raise UmisFusionError(self.stack.says.text())
        plan = self.plan(target).replace(outputs=tuple(self.output.shown()))
        return script_for(target.images, self.config, plan)

    def shut(self) -> None:
        """Stop all work and let go of the viewer; nothing happens the second time."""
        _let_go(self.__dict__)

    def _lay_out(self) -> None:
        inside = QWidget()
        rows = QVBoxLayout(inside)
        rows.setContentsMargins(6, 6, 6, 6)
        for part in (self.stack.title, self.stack.says, self.stack.form):
            rows.addWidget(part)
        rows.addWidget(self.row)
        rows.addWidget(self.preview_box.native)
        self.sections = {
            "Focus along z": section("Focus along z", self.focus, is_open=True),
            "Region and planes": section("Region and planes", self.part.form),
            "Alignment": section("Alignment", self.alignment),
            "Method": section("Method", self.method.form),
            "Layers": section("Layers", self.output.form),
        }
        for part in self.sections.values():
            rows.addWidget(part)
        rows.addWidget(self.copy)
        rows.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(VerticalScroll(inside))

    def _connect(self) -> None:
        self.stack.changed.connect(self._on_stack)
        self.row.fuse_clicked.connect(self.fuse)
        self.row.pause_clicked.connect(self._on_pause)
        self.row.cancel_clicked.connect(self._on_cancel)
        self.preview_box.changed.connect(self.preview.turn)
        self.preview.said.connect(self._on_preview)
        for form in (self.method, self.part, self.stack):
            form.changed.connect(self.preview.refresh)
        self.method.weights.said.connect(self.row.say)
        self.alignment.said.connect(self.row.say)
        self.copy.clicked.connect(self._on_copy)
        self.destroyed.connect(partial(_let_go, self.__dict__))

    def _on_stack(self) -> None:
        target = self.stack.target
        self.part.fit(target)
        self.alignment.fit(target)
        self.row.fuse.setEnabled(target is not None and target.planes > 1)
        self.copy.setEnabled(target is not None)

    def _described(self) -> tuple[TargetStack, FusionConfig, LayerPlan] | None:
        """Return what the preview is to show."""
        target = self.stack.target
        if target is None:
            return None
        try:
            return target, self.config, self.plan(target)
        except UmisFusionError as error:
            self.row.say(str(error))
            return None

    def _start(self, target: TargetStack, config: FusionConfig, plan: LayerPlan) -> None:
        images, layers = list(target.images), list(target.layers)
        shown, update = self.output.shown(), self.output.update

        start = partial(iter_fuse_layer, images, config, plan)
        self.run = FusionRun(start, f"Fusing {images[0].name}")
        self.run.progressed.connect(self.row.show_progress)
        self.run.succeeded.connect(partial(self._on_success, layers, shown, update))
        self.run.failed.connect(self._on_failure)
        self.run.ended.connect(self._on_end)
        self.row.show_running(is_paused=False)
        self.run.start()

    def _on_success(
        self, sources: list[Any], shown: list[str], update: bool, event: LayerFinished
    ) -> None:
        self._showing = self.fused.showing(event, sources, shown=shown, update=update)
        self._told = ". ".join(("Done", *event.notes)) + "."

    def _on_failure(self, error: Exception) -> None:
        self._told = _advice(error)
        notification_manager.receive_error(type(error), error, error.__traceback__)

    def _on_end(self) -> None:
        if self.run is not None and self.run.was_cancelled:
            self._told = "Cancelled; no layer was changed."
        if self.preview.is_on and self._showing is not None:
            self.preview_box.value = False
        self._next_layer.start()

    def _show_next(self) -> None:
        """Add one layer, and let the window live before the next."""
        layer = None if self._showing is None else next(self._showing, None)
        if layer is not None:
            self._first = self._first or layer
            self._next_layer.start()
            return
        if self._first in self._viewer.layers:
            self._viewer.layers.selection.active = self._first
        self.run = self._showing = self._first = None
        self.row.show_idle(self._told)
        self._on_stack()

    def _on_pause(self) -> None:
        if self.run is not None:
            self.run.toggle_pause()
            self.row.show_running(is_paused=self.run.is_paused)

    def _on_cancel(self) -> None:
        if self.run is not None:
            self.row.say("stopping …")
            self.run.cancel()

    def _on_preview(self, text: str) -> None:
        if self.run is None:
            self.row.say(text)

    def _on_copy(self) -> None:
        try:
            script = self.script()
        except UmisFusionError as error:
            self.row.say(str(error))
            return
        QApplication.clipboard().setText(script)
        self.row.say("Copied. Paste it into a file and run it with Python.")


def _advice(error: Exception) -> str:
    """Say what went wrong, and what to do about it."""
    if isinstance(error, UmisFusionError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"Out of memory ({error}). Fuse a region, or fewer planes; see Region and planes."
    if isinstance(error, OSError):
        return f"The stack cannot be read ({error}). Are its files still there?"
    return f"This is a mistake of the plugin's, please report it: {error!r}"


def _let_go(parts: dict[str, Any]) -> None:
    """Stop the work of a widget and forget its viewer, also where Qt has taken the widget away."""
    if parts["run"] is not None:
        parts["run"].cancel()
    with contextlib.suppress(RuntimeError):  # the box may be gone
        parts["preview"].turn(False)
    if not parts["_is_shut"]:
        parts["_is_shut"] = True
        for name in ("stack", "part", "alignment", "method", "fused", "focus"):
            parts[name].let_go()
