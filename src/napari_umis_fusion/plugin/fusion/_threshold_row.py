"""A slider for what is never in focus in a result; its layers follow, without fusing again."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from napari_umis_fusion.files import RUN_KEY

if TYPE_CHECKING:
    from napari_umis_fusion.plugin.fusion._shown_fusion import ShownFusion

STEPS = 1000
"""Positions of the slider: the logarithm of focus, because focus spans orders of magnitude."""

FOLLOW_MS = 30
"""While the slider is dragged, layers follow after this time without a newer position."""

THRESHOLD_KEY = "never_in_focus_threshold"
"""Entry of the provenance of layers whose threshold was moved."""


class ThresholdRow(QWidget):
    """Moves the threshold of focus of one fusion; hidden if none of its layers depends on it."""

    def __init__(self) -> None:
        super().__init__()
        self._fused: ShownFusion | None = None
        self._bounds = (1.0, 1.0)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setToolTip(
            "Focus below which a pixel was never in focus. Marks and depth map follow."
        )
        self.slider.setAccessibleName("never in focus")
        self.label = QLabel()
        self.automatic = QPushButton("Automatic")
        self.automatic.setToolTip("Find the threshold from the histogram of focus.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for part in (QLabel("never in focus"), self.slider, self.label, self.automatic):
            row.addWidget(part)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(FOLLOW_MS)
        self._later.timeout.connect(self._apply_slider)
        self.slider.valueChanged.connect(lambda: self._later.start())
        self.automatic.clicked.connect(self._apply_automatic)
        self.hide()

    def value(self) -> float:
        """Return the threshold; 0 at the left end, where nothing is marked."""
        place = self.slider.value() / STEPS
        low, high = (math.log(bound) for bound in self._bounds)
        return math.exp(low + place * (high - low)) if place else 0.0

    def show_fusion(self, fused: "ShownFusion | None") -> None:
        """Show the threshold of a fusion, or nothing."""
        if fused is self._fused:
            return
        self._later.stop()
        bounds = None if fused is None else threshold_bounds(fused)
        self._fused = fused if bounds is not None else None
        self.setVisible(self._fused is not None)
        if fused is not None and bounds is not None:
            self._bounds = bounds
            self._show(_threshold_of(fused))

    def _show(self, threshold: float) -> None:
        low, high = (math.log(bound) for bound in self._bounds)
        place = (math.log(threshold) - low) / max(high - low, 1e-9) if threshold > 0 else 0
        self.slider.blockSignals(True)
        self.slider.setValue(round(STEPS * min(max(place, 0), 1)))
        self.slider.blockSignals(False)
        if self._fused is not None:
            self.label.setText(f"{100 * marked_share(self._fused, threshold):.0f} %")

    def _apply_slider(self) -> None:
        if self._fused is not None:
            share = apply_threshold(self._fused, self.value())
            self.label.setText(f"{100 * share:.0f} %")

    def _apply_automatic(self) -> None:
        if self._fused is not None:
            apply_threshold(self._fused, None)
            self._show(_threshold_of(self._fused))


def threshold_bounds(fused: "ShownFusion") -> tuple[float, float] | None:
    """Return the range of thresholds of a fusion; None if no layer depends on it."""
    depends = any(kind == "never_in_focus" for kind, _ in fused.layers)
    fills = fused.event.plan.depth_fill != "decided"
    depends |= fills and any(kind == "depth_map" for kind, _ in fused.layers)
    found = [one.bounds() for one in fused.event.thresholds] if depends else []
    known = [one for one in found if one is not None]
    if not known:
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def apply_threshold(fused: "ShownFusion", threshold: float | None) -> float:
    """Let the layers of a fusion follow a threshold.

    Parameters
    ----------
    fused : ShownFusion
        The fusion. Layers that hold other data by now are left alone.
    threshold : float or None
        Focus below which a pixel was never in focus; None: found for each stack.

    Returns
    -------
    float
        Share of the pixels that are marked, 0 to 1.
    """
    shares = []
    for number, one in enumerate(fused.event.thresholds):
        marks = one.marks(threshold)
        shares.append(float(marks.mean()))
        _assign(fused, ("never_in_focus", number), marks, threshold)
        if one.fill != "decided":
            _assign(fused, ("depth_map", number), one.depth_at(marks), threshold)
    return float(np.mean(shares)) if shares else 0.0


def marked_share(fused: "ShownFusion", threshold: float) -> float:
    """Return the share of pixels whose focus is below a threshold, 0 to 1."""
    return float(np.mean([(one.focus < threshold).mean() for one in fused.event.thresholds]))


def _assign(
    fused: "ShownFusion", key: tuple[str, int], values: Any, threshold: float | None
) -> None:
    shown = fused.layers.get(key)
    layer = None if shown is None else shown.layer()
    if shown is None or layer is None or layer.data is not shown.data or values is None:
        return
    # in place: the layer still holds the array that the fusion gave it
    shown.data[...] = values
    run = {name: value for name, value in layer.metadata[RUN_KEY].items() if name != THRESHOLD_KEY}
    told = {} if threshold is None else {THRESHOLD_KEY: threshold}
    layer.metadata = {**layer.metadata, RUN_KEY: {**run, **told}}
    layer.refresh()


def _threshold_of(fused: "ShownFusion") -> float:
    """Return the threshold that the layers of a fusion show."""
    for shown in fused.layers.values():
        layer = shown.layer()
        moved = None if layer is None else layer.metadata.get(RUN_KEY, {}).get(THRESHOLD_KEY)
        if moved is not None:
            return float(moved)
    return fused.event.thresholds[0].automatic()
