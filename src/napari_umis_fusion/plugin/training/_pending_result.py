"""The result of a training until the user decides: use it, save it to the library, discard it."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

from napari.layers import Image
from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.layers import PREVIEW_KEY
from napari_umis_fusion.models.library import Model, ModelLibrary
from napari_umis_fusion.plugin.training._result_panel import SAMPLES, ResultPanel
from napari_umis_fusion.plugin.widgets import LatestJob, confirm
from napari_umis_fusion.runtime import failure_reason, temporary_folder
from napari_umis_fusion.training import TrainingResult
from napari_umis_fusion.training.session import TrainingSession

_DOUBTS = {
    "worse": "This result is worse than the initial weights. Use it for fusion anyway?",
    "unclear": "No significant difference from the initial weights. Use it for fusion anyway?",
}


class PendingResult(QObject):
    """The result of the last training, until the user has decided on it.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the compared images as layers.

    Signals
    -------
    kept(object, bool)
        The `Model` in the library, and whether fusion shall use it.
    decided()
        The user has decided.
    """

    kept = Signal(object, bool)
    decided = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.panel = ResultPanel()
        self._result: TrainingResult | None = None
        self._session: TrainingSession | None = None
        self._use = False
        self._job = LatestJob(delay_ms=0)
        self._job.done.connect(self._on_kept)
        self._job.failed.connect(self._on_failed)
        self.panel.use_clicked.connect(self._on_use)
        self.panel.keep_clicked.connect(lambda: self.save_to_library(use=False))
        self.panel.discard_clicked.connect(self._on_discard)
        self.panel.show_clicked.connect(self._on_show)

    @property
    def is_open(self) -> bool:
        """Whether the user has yet to decide."""
        return self._result is not None and self._result.improved

    @property
    def is_busy(self) -> bool:
        """Whether it is being saved."""
        return self._job.is_busy

    def show_result(self, result: TrainingResult, session: TrainingSession) -> None:
        """Show the result of a training; one that is no better needs no decision."""
        self._result, self._session = result, session
        self.panel.show_result(result, session.origin.name)
        # a training that was stopped early may still be resumed, so its session stays
        if not result.improved and result.reason in ("done", "no_gain"):
            session.discard()

    def save_to_library(self, *, use: bool) -> None:
        """Save the result in the library, in the background."""
        if not self.is_open or self._job.is_busy or self._session is None:
            return
        result, session, name = self._result, self._session, self.panel.name.text().strip()
        assert result is not None
        self._use = use
        self.panel.setEnabled(False)
        self._job.submit(lambda: _iter_save(result, session, name or session.origin.name))

    def clear(self) -> None:
        """Show no result; its session remains on disk."""
        self._result = self._session = None
        self.panel.clear()

    def release(self) -> None:
        """Disconnect from the viewer."""
        self._job.cancel()
        self._viewer = None

    def _on_use(self) -> None:
        comparison = self._result.comparison if self._result is not None else None
        doubt = _DOUBTS.get(comparison.verdict) if comparison is not None else None
        if doubt is None or confirm(self.panel, doubt, "Use"):
            self.save_to_library(use=True)

    def _on_discard(self) -> None:
        if self._session is None or not confirm(
            self.panel, "Discard this result? It cannot be restored.", "Discard"
        ):
            return
        self._session.discard()
        self._finish("Result discarded. The initial weights stay.")

    def _on_kept(self, model: Model) -> None:
        self.panel.setEnabled(True)
        self._finish(f"Saved to the library as {model.name!r}.")
        self.kept.emit(model, self._use)

    def _on_failed(self, error: Exception) -> None:
        self.panel.setEnabled(True)
        why = failure_reason(error).rstrip(".")
        self.panel.message.setText(f"Not saved: {why}. The result is still here.")

    def _finish(self, text: str) -> None:
        comparison = self._result.comparison if self._result is not None else None
        self._result = self._session = None
        self.panel.show_decision(text, comparison)
        self.decided.emit()

    def _on_show(self) -> None:
        comparison = self.panel.comparison
        if comparison is None or self._viewer is None:
            return
        for sample in SAMPLES:
            name, mark = f"compared: {sample}", {PREVIEW_KEY: True}
            shown = [layer for layer in self._viewer.layers if layer.name == name]
            if shown and shown[0].metadata.get(PREVIEW_KEY):
                shown[0].data = comparison.samples[sample]
                continue
            options = {"name": name, "contrast_limits": (0, 1), "metadata": mark}
            self._viewer.add_layer(Image(comparison.samples[sample], **options))


def _iter_save(
    result: TrainingResult, session: TrainingSession, name: str
) -> Generator[None, None, Model]:
    with temporary_folder() as folder:
        # the library copies files: save to a temporary one first
        path = session.save_result(result, Path(folder) / "result.safetensors")
        yield
        model = ModelLibrary().add(path, name)
    session.discard()
    return model
