"""How to fuse: a row for each field of the config without a place elsewhere in the widget."""

from collections.abc import Generator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QToolButton

from napari_umis_fusion.config import NETWORK_MEASURES, FusionConfig
from napari_umis_fusion.models.library import focus_measure_of
from napari_umis_fusion.network import FOCUS_MEASURES, SHIPPED, load_checkpoint
from napari_umis_fusion.plugin.models import WeightsChoice
from napari_umis_fusion.plugin.widgets import (
    FUSION_NAMES,
    ConfigForm,
    LatestJob,
    QtRow,
    described_row,
)
from napari_umis_fusion.runtime import sentence_of

ELSEWHERE = ("channel", "align", "align_border", "light", "depth_error")
"""Fields whose rows are in other sections of the widget."""

FIRST = ("focus_measure", "blend", "checkpoint")
"""Fields that most users need; the others are folded away under *Advanced*."""


class MethodForm(ConfigForm):
    """The rows of a `FusionConfig`; the row of the weights follows focus measure and library.

    Parameters
    ----------
    config : FusionConfig, optional
        Initial values of the rows.
    """

    def __init__(self, config: FusionConfig | None = None) -> None:
        specs = {spec.name: spec for spec in fields(FusionConfig) if spec.name not in ELSEWHERE}
        self._advanced = [name for name in specs if name not in FIRST]
        self.advanced, self.weights = QToolButton(), WeightsChoice()
        row = QtRow(**described_row(specs["checkpoint"], FUSION_NAMES), native=self.weights)
        super().__init__(
            config or FusionConfig(),
            [*FIRST, *self._advanced],
            rows={"checkpoint": row},
            choice_names=FUSION_NAMES,
        )
        self.advanced.setToolTip("Show all other options.")
        self.advanced.setCheckable(True)
        self.advanced.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.advanced.toggled.connect(self.show_advanced)
        self._layout.insertRow(len(FIRST), self.advanced)
        self.show_advanced(False)
        self._reading = LatestJob(delay_ms=0)  # in a thread: networks load slowly
        self._reading.done.connect(self._on_read)
        self._reading.failed.connect(self._on_refused)
        self.weights.file_chosen.connect(self._on_file)

    def show_advanced(self, shown: bool) -> None:
        """Unfold the rows that few users need, or fold them away."""
        arrow = Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow
        self.advanced.setArrowType(arrow)
        for name in self._advanced:
            self.show_row(name, shown)

    def use_weights(self, path: str | Path) -> str:
        """Select weights and their focus measure, which is returned.

        Raises
        ------
        CheckpointError
            If the file cannot be read, or this version does not know its network.
        """
        measure = focus_measure_of(path)
        # the weights of the package have no path in a config, so that a script runs elsewhere
        is_shipped = Path(path).parent == SHIPPED
        self.set_row_values(
            {"focus_measure": measure, "checkpoint": None if is_shipped else str(path)}
        )
        return measure

    def set_row_values(self, values: dict[str, Any]) -> None:
        """Fill the rows; the weights of a network stay selected while another measure is shown."""
        measure = values["focus_measure"]
        if measure in NETWORK_MEASURES:
            self.weights.show_measure(measure)
        else:
            values = {name: value for name, value in values.items() if name != "checkpoint"}
        super().set_row_values(values)

    def release(self) -> None:
        """Disconnect from the library of models."""
        self._reading.cancel()
        self.weights.release()

    def _field_value(self, spec: Field[Any]) -> Any:
        if spec.name == "checkpoint" and not self.is_used("checkpoint"):
            return None  # a config refuses weights that its measure does not use
        return super()._field_value(spec)

    def _update_rows(self) -> None:
        super()._update_rows()
        if self.is_used("checkpoint"):
            self.weights.show_measure(self["focus_measure"].value)
        # Hidden rows must not change a result unnoticed.
        initial = FusionConfig()
        changed = sum(
            self[name].value != self._shown_value(self.specs[name], getattr(initial, name))
            for name in self._advanced
        )
        self.advanced.setText(f"Advanced ({changed} changed)" if changed else "Advanced")

    def _on_file(self, path: str) -> None:
        """Use a file once it has been read: a wrong one is refused now, not when it is used."""
        self.weights.notified.emit(f"Reading {Path(path).name} …")
        self._reading.submit(lambda: _iter_read(path))

    def _on_read(self, read: tuple[str, str]) -> None:
        path, measure = read
        self.set_row_values({"focus_measure": measure, "checkpoint": path})
        self.weights.notified.emit(f"Fusion uses the weights of {Path(path).name}.")

    def _on_refused(self, error: Exception) -> None:
        told = sentence_of(error).rstrip(".")
        self.weights.notified.emit(f"{told}. The weights stay as they were.")


def _iter_read(path: str) -> Generator[None, None, tuple[str, str]]:
    """Read weights in full, and return their path and focus measure."""
    yield
    return path, FOCUS_MEASURES[load_checkpoint(path).architecture]
