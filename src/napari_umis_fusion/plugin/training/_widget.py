"""The training widget: adapt the network to your own samples, and see whether it helps."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from napari.utils.notifications import show_info

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.models.library import Model
from napari_umis_fusion.plugin._warm_up import warm_up_training
from napari_umis_fusion.plugin.commands import open_fusion
from napari_umis_fusion.plugin.models import ModelPanel, library_changed
from napari_umis_fusion.plugin.training._buttons import IDLE, RUNNING
from napari_umis_fusion.plugin.training._config_files import ConfigFiles, default_result_name
from napari_umis_fusion.plugin.training._data_form import DataForm
from napari_umis_fusion.plugin.training._endings import (
    ENDED,
    NOT_KEPT,
    error_advice,
    memory_question,
    release,
)
from napari_umis_fusion.plugin.training._job import TrainingJob
from napari_umis_fusion.plugin.training._lay_out import lay_out
from napari_umis_fusion.plugin.training._monitor_form import MonitorForm
from napari_umis_fusion.plugin.training._numbers import TrainingNumbers
from napari_umis_fusion.plugin.training._pending_result import PendingResult
from napari_umis_fusion.plugin.training._plot import TrainingPlot
from napari_umis_fusion.plugin.training._setup import TrainingSetup
from napari_umis_fusion.plugin.widgets import DockedWidget, RunControls, confirm, tell_unexpected
from napari_umis_fusion.runtime import sentence_of
from napari_umis_fusion.training import Pictured, TrainingConfig, TrainingFinished, TrainingResult
from napari_umis_fusion.training.session import (
    CurveRestored,
    TrainingSession,
    last_session,
    training_script,
)


class TrainingWidget(DockedWidget):
    """Trains the network on layers of a viewer and on files.

    Parameters
    ----------
    napari_viewer : napari viewer
        Viewer with the training data, which also shows the monitored region.

    Signals
    -------
    valueChanged()
        The config has changed.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        napari_viewer = self._viewer
        self.job: TrainingJob | None = None
        self._is_discarded = False
        self._status = ""
        self.setup = TrainingSetup()
        self.data = DataForm(napari_viewer, self.value)
        self.controls = RunControls(IDLE, RUNNING)
        self.plot = TrainingPlot()
        self.region = MonitorForm(napari_viewer)
        self.result = PendingResult(napari_viewer)
        self.files = ConfigFiles(self.value, self.script)
        self.models = ModelPanel()
        self.numbers = TrainingNumbers()
        self.sections = lay_out(self)
        self._connect()
        self._on_data()
        self._show_idle()
        warm_up_training()

    def value(self) -> TrainingConfig:
        """Return how to train.

        Raises
        ------
        ConfigError
            If a row holds no valid value.
        """
        return self.setup.value()

    def setValue(self, config: TrainingConfig) -> None:  # noqa: N802
        """Show how to train."""
        self.setup.setValue(config)

    def train(self) -> None:
        """Start a training with the current options; a message says why if it cannot start."""
        if self.job is not None:
            show_info("A training is running. Stop it, or wait until it has finished.")
            return
        try:
            config, data = self.value(), self.data.value()
            collected = self.data.collected  # by the check: no need to fuse again
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        if not (data.images or data.stacks):
            self.controls.show_message("Choose training data: tick a layer above, or add files.")
        elif self._may_begin():
            self._run(self._new_session(config), collected or data)

    def resume(self) -> None:
        """Resume the training that was interrupted last."""
        session = last_session()
        if self.job is not None or session is None or not self._may_begin():
            self._show_idle()
            return
        # the rows show what is resumed; the session itself holds the config
        self.setValue(session.config)
        self.setup.basics["name"].value = session.origin.name
        self._run(lambda: session, None)

    def script(self) -> str:
        """Return a script that repeats this training outside napari.

        Raises
        ------
        ConfigError
            If the rows contradict each other.
        """
        start = self.setup.basics.script_argument()
        return training_script(self.data.sources(), self.value(), name=self._name(), start=start)

    _release = staticmethod(release)

    def _connect(self) -> None:
        self.data.valueChanged.connect(self._on_data)
        self.setup.valueChanged.connect(self.valueChanged)
        self.controls.clicked.connect(self._on_button)
        self.files.loaded.connect(self._on_loaded)
        self.files.notified.connect(self.controls.show_message)
        self.result.kept.connect(self._on_kept)
        self.result.decided.connect(self._on_decided)
        self.data.check.checked.connect(lambda report: self.setup.count_images(report.megapixels))
        self.models.use_requested.connect(self._use)

    def _may_begin(self) -> bool:
        """Confirm a start that replaces an undecided result, or that may run out of memory."""
        if self.result.is_busy:
            self.controls.show_message("The result is being saved; try again in a moment.")
            return False
        if self.result.is_open and not confirm(self, NOT_KEPT, "Start"):
            return False
        question = memory_question(self.setup.memory)
        return not question or confirm(self, question, "Start")

    def _new_session(self, config: TrainingConfig) -> Callable[[], TrainingSession]:
        basics = self.setup.basics
        return partial(
            TrainingSession.create,
            config,
            name=self._name(),
            initial_weights=basics.value().weights,
            initial_name=basics.initial_name,
        )

    def _name(self) -> str:
        given = self.setup.basics.value().name
        names = [source.name for source in self.data.sources()]
        return given or default_result_name(names, f"{datetime.now(UTC).astimezone():%Y-%m-%d}")

    def _run(self, begin: Callable[[], TrainingSession], data: Any) -> None:
        self.result.clear()
        self.plot.clear()
        self.numbers = TrainingNumbers()
        self._status, self._is_discarded = "", False
        self.job = TrainingJob(begin, data, self.region.stack, f"Training {self._name()}")
        self.job.yielded.connect(self._on_event)
        self.job.failed.connect(self._on_failure)
        self.job.ended.connect(self._on_end)
        self._freeze(True)
        self.sections["Data"].collapse(animate=False)
        self.controls.follow(self.job)
        self.job.progressed.connect(self._on_progress)
        self.controls.show_message("starting …")
        # the layers of the monitored region come first: napari adds them slowly beside a training
        self.region.prepare(then=self.job.start)

    def _freeze(self, is_running: bool) -> None:
        self.data.setEnabled(not is_running)
        self.setup.freeze(is_running)

    def _on_data(self) -> None:
        if self.job is None:
            self.setup.adapt_to(self.data.value())
            self.setup.count_images(0.0)  # unknown until the check

    def _on_loaded(self, config: TrainingConfig) -> None:
        if self.job is None:
            self.setValue(config)

    def _on_event(self, event: Any) -> None:
        if isinstance(event, CurveRestored):
            self.plot.setValue(event.curve)
            return
        if isinstance(event, TrainingFinished):
            self._on_success(event.result)
        self.plot.add_event(event)
        self.numbers.update(event)
        if isinstance(event, Pictured):
            self.region.show_picture(event)

    def _on_progress(self, share: float, text: str) -> None:
        if self.job is not None:  # events may arrive after the end
            self.controls.show_details(self.numbers.text())

    def _on_success(self, result: TrainingResult) -> None:
        job = self.job
        if job is not None and job.session is not None and not self._is_discarded:
            job.was_cancelled = False  # it finished before the cancel took effect
            self.result.show_result(result, job.session)
            self._status = ENDED["kept" if result.improved else "no better"]

    def _on_failure(self, error: Exception) -> None:
        self._status = error_advice(error, self.numbers.saved_step)
        tell_unexpected(error)

    def _on_end(self) -> None:
        # reset first: _freeze, _show_idle and their signals look at self.job
        job, self.job = self.job, None
        if job is not None and self._is_discarded and job.session is not None:
            job.session.discard()
            self._status = ENDED["discarded"]
        elif job is not None and job.was_cancelled:
            self._status = ENDED["interrupted"]
        self._freeze(False)
        self._show_idle()

    def _on_decided(self) -> None:
        self._status = ""
        self._show_idle()

    def _show_idle(self) -> None:
        if self.job is not None:
            return
        self.controls.show_idle(self._status)
        session = None if self.result.is_open else last_session()
        resume = self.controls.buttons["resume"]
        resume.setVisible(session is not None)
        if session is not None:
            origin = session.origin
            resume.setToolTip(f"{IDLE['resume'][1]}\n{origin.name}, {origin.created}")

    def _on_button(self, name: str) -> None:
        actions = {
            "start": self.train,
            "resume": self.resume,
            "stop": self._on_stop,
            "discard": self._on_discard,
        }
        actions[name]()

    def _on_stop(self) -> None:
        if self.job is not None:
            self.job.stop()
            self.controls.show_running(is_stopping=True)
            self.controls.show_message(
                "stopping; then the result is compared with the initial weights …"
            )

    def _on_discard(self) -> None:
        question = "Discard what this training has learnt so far?"
        if self.job is None or not confirm(self, question, "Discard"):
            return
        if self.job is not None:  # it may have ended while the question was open
            self._is_discarded = True
            self.controls.show_running(is_stopping=True)
            self.job.cancel()

    def _on_kept(self, model: Model, use: bool) -> None:
        library_changed.emit()
        if use:
            self._use(model)

    def _use(self, model: Model) -> None:
        open_fusion(self._viewer).use_model(model.path)
