"""The training widget: adapt the network to one's own samples, and see whether it helps."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from napari.utils.notifications import notification_manager, show_info
from qtpy.QtWidgets import QSpacerItem, QTabWidget, QVBoxLayout, QWidget

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.models.model import Model
from napari_umis_fusion.plugin._warm_up import warm_up_training
from napari_umis_fusion.plugin.commands import open_fusion
from napari_umis_fusion.plugin.models import ModelPanel, library_changed
from napari_umis_fusion.plugin.training._config_files import TrainingFiles, outcome_name
from napari_umis_fusion.plugin.training._data_form import DataForm
from napari_umis_fusion.plugin.training._endings import ENDED, NOT_KEPT, advice, let_go
from napari_umis_fusion.plugin.training._result import Outcome
from napari_umis_fusion.plugin.training._run_row import TrainingRow
from napari_umis_fusion.plugin.training._setup import TrainingSetup
from napari_umis_fusion.plugin.training._task import TrainingTask
from napari_umis_fusion.plugin.training._watched_region import RegionWatch
from napari_umis_fusion.plugin.training_numbers import TrainingNumbers
from napari_umis_fusion.plugin.training_plot import TrainingPlot
from napari_umis_fusion.plugin.widgets._confirm import ask
from napari_umis_fusion.plugin.widgets._section import section
from napari_umis_fusion.plugin.widgets._vertical_scroll import VerticalScroll
from napari_umis_fusion.training.config import TrainingConfig
from napari_umis_fusion.training.events import Pictured
from napari_umis_fusion.training.script import training_script
from napari_umis_fusion.training.session import TrainingSession, last_session
from napari_umis_fusion.training.session_events import CurveRead

LEAST_WIDTH_PX = 390
"""What the curves of a training need, so that nothing moves when they come."""


class TrainingWidget(QWidget):
    """Trains the network on what a viewer shows and on files.

    Parameters
    ----------
    napari_viewer : napari viewer
        Whose layers are learnt from and where pictures are shown.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        # the proxy that plugins get gives another object for a layer each time
        napari_viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self._viewer = napari_viewer
        self.task: TrainingTask | None = None
        self._is_shut = self._is_discarded = False
        self._told = ""
        self.setup = TrainingSetup()
        self.data = DataForm(napari_viewer, lambda: self.config)
        self.row = TrainingRow()
        self.plot = TrainingPlot()
        self.region = RegionWatch(napari_viewer)
        self.outcome = Outcome(napari_viewer)
        self.files = TrainingFiles(lambda: self.config, self.script)
        self.models = ModelPanel()
        self.numbers = TrainingNumbers()
        self._lay_out()
        self._connect()
        self._on_data()
        self._show_idle()
        warm_up_training()

    @property
    def config(self) -> TrainingConfig:
        """How to train, as the rows say; raises `ConfigError` for what they do not accept."""
        return self.setup.config

    @config.setter
    def config(self, config: TrainingConfig) -> None:
        self.setup.config = config

    def train(self) -> None:
        """Start to train with what is chosen; a message tells why if that cannot be."""
        if self.task is not None:
            show_info("A training is running. Stop it, or wait until it is done.")
            return
        try:
            config, data = self.config, self.data.value()
            gathered = self.data.gathered  # by the check: no need to fuse again
        except UmisFusionError as error:
            self.row.say(str(error))
            return
        if not (data.images or data.stacks):
            self.row.say("Choose what to learn from: tick a layer above, or add files.")
            return
        if not self._may_begin():
            return
        start = self.setup.start
        begin = partial(
            TrainingSession.begin, config, name=self._name(), start=start.start, parent=start.parent
        )
        self._run(begin, gathered or data)

    def go_on(self) -> None:
        """Go on with the last training that was interrupted."""
        session = last_session()
        if self.task is not None or session is None or not self._may_begin():
            self._show_idle()
            return
        self.config = session.config
        self.setup.start.name_row.value = session.origin.name
        self._run(lambda: session, None)

    def script(self) -> str:
        """Return a script that does outside napari what the button does here.

        Raises
        ------
        ConfigError
            If the rows contradict each other.
        """
        start = self.setup.start.script_start()
        return training_script(self.data.sources(), self.config, name=self._name(), start=start)

    def shut(self) -> None:
        """Stop all work and let go of the viewer; nothing happens the second time."""
        let_go(self.__dict__)

    def _lay_out(self) -> None:
        inside = QWidget()
        rows = QVBoxLayout(inside)
        rows.setContentsMargins(6, 6, 6, 6)
        pictures = QWidget()
        column = QVBoxLayout(pictures)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.region.form)
        column.addWidget(self.region.says)
        self.sections = {
            "Data": section("Learn from", self.data, is_open=True),
            "Options": section("Options", self.setup.form.form),
            "Curves": section("Curves", self.plot, is_open=True),
            "Picture": section("Picture: before and now", pictures),
            "Outcome": section("Outcome", self.outcome.panel, is_open=True),
        }
        rows.addWidget(self.sections["Data"])
        rows.addWidget(self.setup.start.form)
        rows.addWidget(self.sections["Options"])
        rows.addWidget(self.setup.says)
        rows.addWidget(self.row)
        for name in ("Curves", "Picture", "Outcome"):
            rows.addWidget(self.sections[name])
        rows.addWidget(self.files)
        rows.addItem(QSpacerItem(LEAST_WIDTH_PX, 0))
        rows.addStretch()
        tabs = QTabWidget()
        tabs.addTab(VerticalScroll(inside), "Train")
        tabs.addTab(self.models, "Models")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(tabs)

    def _connect(self) -> None:
        self.data.changed.connect(self._on_data)
        self.row.start_clicked.connect(self.train)
        self.row.go_on_clicked.connect(self.go_on)
        self.row.pause_clicked.connect(self._on_pause)
        self.row.stop_clicked.connect(self._on_stop)
        self.row.discard_clicked.connect(self._on_discard)
        self.files.loaded.connect(self._on_loaded)
        self.files.said.connect(self.row.say)
        self.outcome.kept.connect(self._on_kept)
        self.outcome.settled.connect(self._on_settled)
        self.data.check.checked.connect(lambda report: self.setup.count_images(report.megapixels))
        self.models.use_requested.connect(self._use)
        self.destroyed.connect(partial(let_go, self.__dict__))

    def _may_begin(self) -> bool:
        """Ask before an undecided outcome makes room, or memory is not likely to suffice."""
        if self.outcome.is_busy:
            self.row.say("The outcome is being saved; try again in a moment.")
            return False
        if self.outcome.is_open and not ask(self, NOT_KEPT, "Begin"):
            return False
        need = self.setup.memory
        return (
            need is None
            or need.is_enough
            or ask(
                self,
                f"This needs about {need.needed_mb:,} MB, and {need.free_mb:,} MB are free. Lower "
                "batch, or the size of images, under Options. Begin all the same?",
                "Begin",
            )
        )

    def _name(self) -> str:
        given = str(self.setup.start.name_row.value).strip()
        names = [source.name for source in self.data.sources()]
        return given or outcome_name(names, f"{datetime.now(UTC).astimezone():%Y-%m-%d}")

    def _run(self, begin: Callable[[], TrainingSession], data: Any) -> None:
        self.outcome.forget()
        self.plot.clear()
        self.numbers = TrainingNumbers()
        self._told, self._is_discarded = "", False
        self.task = TrainingTask(begin, data, self.region.stack, f"Training {self._name()}")
        self.task.told.connect(self._on_event)
        self.task.progressed.connect(self._on_progress)
        self.task.succeeded.connect(self._on_success)
        self.task.failed.connect(self._on_failure)
        self.task.ended.connect(self._on_end)
        self._freeze(True)
        self.sections["Data"].collapse(animate=False)
        self.row.show_running(is_paused=False)
        self.row.say("starting …")
        self.region.prepare(then=self.task.start)

    def _freeze(self, running: bool) -> None:
        for part in (self.data, self.setup.start.form, self.setup.form.form):
            part.setEnabled(not running)
        self.setup.says.setVisible(not running)

    def _on_data(self) -> None:
        if self.task is None:
            self.setup.fit(self.data.value())
            self.setup.count_images(0.0)  # until they are checked

    def _on_loaded(self, config: TrainingConfig) -> None:
        if self.task is None:
            self.config = config

    def _on_event(self, event: Any) -> None:
        if isinstance(event, CurveRead):
            self.plot.load(event.curve)
            return
        self.plot.take(event)
        self.numbers.take(event)
        if isinstance(event, Pictured):
            self.region.show_picture(event)

    def _on_progress(self, share: float, text: str) -> None:
        if self.task is not None and not self.task.is_paused:
            self.row.show_progress(share, text)
            self.row.show_numbers(self.numbers.text())

    def _on_success(self, result: Any) -> None:
        task = self.task
        if task is not None and task.session is not None and not self._is_discarded:
            task.was_suspended = False  # it ended before it could be
            self.outcome.take(result, task.session)
            self._told = ENDED["kept"]

    def _on_failure(self, error: Exception) -> None:
        self._told = advice(error, self.numbers.saved_step)
        notification_manager.receive_error(type(error), error, error.__traceback__)

    def _on_end(self) -> None:
        task, self.task = self.task, None
        if task is not None and self._is_discarded and task.session is not None:
            task.session.discard()
            self._told = ENDED["discarded"]
        elif task is not None and task.was_suspended:
            self._told = ENDED["suspended"]
        self._freeze(False)
        self._show_idle()

    def _on_settled(self) -> None:
        self._told = ""
        self._show_idle()

    def _show_idle(self) -> None:
        if self.task is not None:
            return
        session = None if self.outcome.is_open else last_session()
        tip = "" if session is None else f"({session.origin.name}, {session.origin.created})"
        self.row.show_idle(self._told, can_go_on=session is not None, go_on_tip=tip)

    def _on_pause(self) -> None:
        if self.task is not None:
            self.task.toggle_pause()
            self.row.show_running(is_paused=self.task.is_paused)
            if self.task.is_paused:
                self.row.say(f"Paused at step {self.task.step}.")

    def _on_stop(self) -> None:
        if self.task is not None:
            self.task.stop()
            self.row.show_running(is_paused=False, is_stopping=True)
            self.row.say("stopping, then comparing with the start …")

    def _on_discard(self) -> None:
        question = "Throw away what this training has learnt so far?"
        if self.task is not None and ask(self, question, "Discard") and self.task is not None:
            self._is_discarded = True
            self.row.show_running(is_paused=False, is_stopping=True)
            self.task.suspend()

    def _on_kept(self, model: Model, use: bool) -> None:
        library_changed.emit()
        if use:
            self._use(model)

    def _use(self, model: Model) -> None:
        open_fusion(self._viewer).use_model(model.path)
