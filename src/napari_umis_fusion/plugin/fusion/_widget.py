"""The fusion widget: fuse the chosen stack, and add the results as layers."""

import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import CheckpointError, UmisFusionError
from napari_umis_fusion.layers import LayerFinished, LayerPlan, iter_fuse_layer, script_for
from napari_umis_fusion.plugin._warm_up import warm_up
from napari_umis_fusion.plugin.fusion._advice import Advice
from napari_umis_fusion.plugin.fusion._alignment_section import AlignmentSection
from napari_umis_fusion.plugin.fusion._buttons import IDLE, RUNNING
from napari_umis_fusion.plugin.fusion._copy_button import CopyButton
from napari_umis_fusion.plugin.fusion._defaults import default_config
from napari_umis_fusion.plugin.fusion._endings import HIDDEN, done_text, error_advice, release
from napari_umis_fusion.plugin.fusion._focus_view import FocusView
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.fusion._lay_out import lay_out
from napari_umis_fusion.plugin.fusion._memory_line import MemoryLine
from napari_umis_fusion.plugin.fusion._method_form import MethodForm
from napari_umis_fusion.plugin.fusion._output_options import OutputOptions
from napari_umis_fusion.plugin.fusion._part_form import PartForm
from napari_umis_fusion.plugin.fusion._plane_table import PlaneTable
from napari_umis_fusion.plugin.fusion._preset_choice import PresetChoice
from napari_umis_fusion.plugin.fusion._preview import Preview, preview_box
from napari_umis_fusion.plugin.fusion._progress import progress_of
from napari_umis_fusion.plugin.fusion._result_section import ResultSection
from napari_umis_fusion.plugin.fusion._shortcuts import FusionKeys
from napari_umis_fusion.plugin.fusion._sizes_form import SizesForm
from napari_umis_fusion.plugin.fusion._stack_choice import Decision, StackChoice
from napari_umis_fusion.plugin.fusion._told_preset_line import ToldPresetLine
from napari_umis_fusion.plugin.viewer import BETWEEN_LAYERS_MS, TargetStack, go_to_plane
from napari_umis_fusion.plugin.widgets import (
    FUSION_NAMES,
    ConfigForm,
    DockedWidget,
    Job,
    RunControls,
    tell_unexpected,
)
from napari_umis_fusion.runtime import sentence_of

if TYPE_CHECKING:
    from collections.abc import Generator


class FusionWidget(DockedWidget):
    """Fuses a stack of a viewer.

    Parameters
    ----------
    napari_viewer : napari viewer
        Viewer whose layers are fused.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        napari_viewer = self._viewer
        self.job: Job | None = None
        self._status, self._first = "", None
        self._told_of: list[Callable[[], Any]] = []  # the layers that the texts are about
        # layers are added one by one, so that the window does not stall on all of them
        self._showing: Generator[Any] | None = None
        self._next_layer = QTimer(self)
        self._next_layer.setSingleShot(True)
        self._next_layer.setInterval(BETWEEN_LAYERS_MS)
        self._next_layer.timeout.connect(self._show_next)
        self.fused = FusedLayers.of(napari_viewer)
        self.stack = StackChoice(napari_viewer, self.fused)
        self.sizes = SizesForm(napari_viewer)
        self.advice = Advice(napari_viewer)
        self.controls = RunControls(IDLE, RUNNING)
        self.memory = MemoryLine(self.described)
        self.preview_box = preview_box()
        self.part = PartForm(napari_viewer)
        self.method = MethodForm(default_config())
        self.alignment = AlignmentSection(napari_viewer, self.fused, default_config())
        self.preview = Preview(napari_viewer, self.described, self.alignment.known)
        self.output = ConfigForm(OutputOptions(), choice_names=FUSION_NAMES)
        self.planes = PlaneTable()
        self.focus = FocusView(napari_viewer, self.fused, self.described)
        self.result = ResultSection(napari_viewer, self.fused)
        self.preset = PresetChoice(self)
        self.told = ToldPresetLine(self, self.preset)
        self.copy = CopyButton(self.script, self.controls.show_message)
        self.sections = lay_out(self)
        self.keys = FusionKeys(napari_viewer, self.stack, self.fused, self.fuse, self._tell_idle)
        self._connect()
        self._on_stack()
        self._on_options()
        warm_up()

    def value(self) -> FusionConfig:
        """Return how to fuse.

        Raises
        ------
        ConfigError
            If rows contradict each other.
        """
        options = self.alignment.value().config_options()
        config: FusionConfig = self.method.value()
        return config.replace(channel=self.stack.value().channel, **options)

    def setValue(self, config: FusionConfig) -> None:  # noqa: N802
        """Show how to fuse; a focus channel that the stack does not have is ignored."""
        self.stack.setValue(Decision(config.channel, self.stack.value().each_channel))
        # The error of depth is a layer here, which the plan asks for.
        self.method.setValue(config.replace(depth_error=False))
        self.output["depth_error_map"].value |= config.depth_error
        self.alignment.setValue(replace(self.alignment.value(), config=config))

    def plan(self, target: TargetStack) -> LayerPlan:
        """Return which part of a stack is fused, and which layers it gives."""
        several = len(target.images) > 1 or target.axes.channel is not None
        return LayerPlan(
            z_axis=target.axes.z,
            channel_axis=target.axes.channel,
            each_channel=several and self.stack.value().each_channel,
            **self.part.plan_options(target),
            **self.alignment.value().plan_options(target),
            **self.output.value().plan_options(target.axes),
        )

    def fuse(self) -> None:
        """Start to fuse the current stack; a message says why if it cannot start."""
        target = self.stack.target
        if self.job is not None:
            show_info("A fusion is running. Cancel it, or wait until it has finished.")
            return
        if target is None:
            self.controls.show_message(self.stack.message.text())
            return
        try:
            config, plan = self.value(), self.plan(target)
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        self._start(target, config, plan)

    def use_model(self, path: str | Path) -> None:
        """Use these weights from now on, with their focus measure."""
        try:
            measure = self.method.use_weights(path)
        except CheckpointError as error:
            self.controls.show_message(sentence_of(error))
            return
        weights = self.method.weights.currentText()
        self.controls.show_message(
            f"Fusion uses the weights {weights!r} from now on (focus measure {measure!r})."
        )

    def script(self) -> str:
        """Return a script that repeats this fusion outside napari.

        Raises
        ------
        UmisFusionError
            If there is no stack, or the rows contradict each other.
        """
        target = self.stack.target
        if target is None:
            raise UmisFusionError(self.stack.message.text())
        plan = self.plan(target).replace(outputs=tuple(self.output.value().shown))
        return script_for(target.images, self.value(), plan)

    _release = staticmethod(release)

    def _connect(self) -> None:
        self.stack.valueChanged.connect(self._on_stack)
        self.controls.clicked.connect(self._on_button)
        self.preview_box.changed.connect(self.preview.set_enabled)
        self.preview.notified.connect(self._tell_idle)
        for form in (self.stack, self.part, self.alignment, self.method, self.output):
            form.valueChanged.connect(self.valueChanged)
        self.valueChanged.connect(self.preview.refresh)
        for part in (self.method.weights, self.alignment, self.preset, self.result):
            part.notified.connect(self.controls.show_message)
        self.planes.plane_chosen.connect(self._on_plane)
        self.valueChanged.connect(self._on_options)
        self.advice.align_wanted.connect(self.alignment.align)
        self.advice.together_wanted.connect(self.stack.choose)

    def _on_stack(self) -> None:
        target = self.stack.target
        for part in (self.sizes, self.part, self.alignment, self.told):
            part.adapt_to(target)
        self._forget_others([] if target is None else target.layers)
        self.controls.buttons["start"].setEnabled(target is not None and target.planes > 1)
        self.copy.setEnabled(target is not None)

    def _forget_others(self, layers: list[Any]) -> None:
        """Remove what is shown of another stack than these layers."""
        self.focus.adapt_to(layers)
        told = [reference() for reference in self._told_of]
        is_other = bool(layers) and told != layers
        if told and self.job is None and (is_other or not self._viewer.layers):
            self._told_of = []
            self.controls.show_message("")
            self.planes.clear()

    def _on_options(self) -> None:
        align = self.alignment.value()
        aligns = align.config.aligns or align.table_file is not None
        self.advice.adapt_to(self.stack.target, aligns=aligns)
        self.memory.refresh()

    def described(self) -> tuple[TargetStack, FusionConfig, LayerPlan] | None:
        """Return what would be fused, and how; None if there is no stack.

        Raises
        ------
        UmisFusionError
            If the rows contradict each other.
        """
        target = self.stack.target
        return None if target is None else (target, self.value(), self.plan(target))

    def _start(self, target: TargetStack, config: FusionConfig, plan: LayerPlan) -> None:
        self._status = ""
        self.advice.cancel()  # the fusion reads the planes now
        images, layers = list(target.images), list(target.layers)
        self._told_of = [weakref.ref(layer) for layer in layers]
        output = self.output.value()
        start = partial(iter_fuse_layer, images, config, plan)
        self.job = Job(start, f"Fusing {images[0].name}", progress_of)
        self.job.yielded.connect(partial(self._on_event, layers, output))
        self.job.failed.connect(self._on_failure)
        self.job.ended.connect(self._on_end)
        self.controls.follow(self.job)
        self.job.start()

    def _on_event(self, sources: list[Any], output: OutputOptions, event: Any) -> None:
        if isinstance(event, LayerFinished):
            self._showing = self.fused.iter_show(
                event, sources, shown=output.shown, update=output.renews
            )
            self._status = done_text(event, 0.0 if self.job is None else self.job.elapsed_s)
            self._try(lambda: self.planes.fill(event.checked))

    def _on_plane(self, plane: int) -> None:
        """Show a plane of the stack that was fused."""
        if (target := self.stack.target) is not None:
            go_to_plane(self._viewer, target.layers[0], target.axes.z, plane)

    def _try(self, action: Callable[[], Any]) -> Any:
        """Return what an action returns; if it fails, the run ends with that error, not never."""
        try:
            return action()
        except Exception as error:
            self._on_failure(error)
            return None

    def _on_failure(self, error: Exception) -> None:
        self._status = error_advice(error)
        self._showing = None
        tell_unexpected(error)

    def _on_end(self) -> None:
        if self.job is not None and self.job.was_cancelled:
            self._status = "Cancelled. No layer was changed."
        # the result replaces the preview
        if self.preview.is_on and self._showing is not None:
            self.preview_box.value = False
        self._next_layer.start()

    def _show_next(self) -> None:
        """Add one layer, and let the window process events before the next."""
        showing = self._showing
        layer = None if showing is None else self._try(lambda: next(showing, None))
        if layer is not None:
            self._first = self._first or layer
            self._next_layer.start()
            return
        if self._first in self._viewer.layers:
            self._viewer.layers.selection.active = self._first
            if self.fused.hide_shining(self.fused.sources_of(self._first)):
                self._status += HIDDEN
        self.job = self._showing = self._first = None
        self._on_stack()
        self._on_options()
        # last: another stack may be chosen by now, whose choice removes what was told of this one
        self.controls.show_idle(self._status)

    def _on_button(self, name: str) -> None:
        if name == "start":
            self.fuse()
        elif self.job is not None:
            self.controls.show_message("stopping …")
            self.job.cancel()

    def _tell_idle(self, text: str) -> None:
        """Show a text, unless that of a fusion under way is more important."""
        if self.job is None:
            self.controls.show_message(text)
