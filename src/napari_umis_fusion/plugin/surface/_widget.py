"""The surface widget: roughness, profiles, steps, contours, 3-D and files of a depth map."""

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.plugin.surface._around_section import AroundSection
from napari_umis_fusion.plugin.surface._choice_names import CHOICE_NAMES
from napari_umis_fusion.plugin.surface._drawn import Drawn
from napari_umis_fusion.plugin.surface._job import Measured, iter_measure, iter_write
from napari_umis_fusion.plugin.surface._layers_form import LayersForm
from napari_umis_fusion.plugin.surface._profile_plot import ProfilePlot
from napari_umis_fusion.plugin.surface._region_numbers import region_numbers
from napari_umis_fusion.plugin.surface._shown_form import shown_form
from napari_umis_fusion.plugin.viewer import camera_of
from napari_umis_fusion.plugin.widgets import (
    ConfigForm,
    DockedWidget,
    LatestJob,
    Message,
    VerticalScroll,
    push_buttons,
    release_all,
    section,
    tell_unexpected,
)
from napari_umis_fusion.runtime import sentence_of
from napari_umis_fusion.surface import (
    SURFACE_SUFFIXES,
    SurfaceConfig,
    contours,
    profile_along,
    write_profile,
)

HINT = "Fuse a stack whose z step is known; its depth map is measured here."
CONTOURS = "contours"
MADE_KEY = "umis_fusion_surface"
"""In the metadata of what is renewed: the name that it was given. Others may have layers of it."""

ANGLES = (-15.0, 35.0, 0.0)
"""From which the relief is first seen, in degrees."""

FILTERS = {
    "Mesh with picture (*.glb)": ".glb",
    "Heights for metrology (*.x3p)": ".x3p",
    "Any surface (" + " ".join(f"*{suffix}" for suffix in SURFACE_SUFFIXES) + ")": "",
    "Table of the profile (*.csv)": ".csv",
}
BUTTONS = {
    "line": ("Draw a line", "Draw a line over the depth map to see the heights along it."),
    "region": (
        "Draw a region",
        "Draw a region to see its area. Of two regions, the step between them is measured.",
    ),
    "show": ("Show in 3-D", "Add the surface as a layer, with the image on it."),
    "contours": ("Add contours", "Add lines of equal height as a layer."),
    "save": ("Save…", "Write the surface without its form, after the filters, or the profile."),
}


class SurfaceWidget(DockedWidget):
    """Measures the surface that a depth map shows.

    Parameters
    ----------
    napari_viewer : napari viewer
        Viewer with the depth map.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.measured: Measured | None = None
        self.layers = LayersForm(self._viewer)
        self.form = ConfigForm(SurfaceConfig(), choice_names=CHOICE_NAMES)
        self.shown = shown_form()
        self.status, self.table, self.drawn_numbers = Message(HINT), Message(), Message()
        self.around = AroundSection(self._viewer, lambda: self.layers.source(self.form.value()))
        self.profile = ProfilePlot()
        self.buttons = push_buttons(BUTTONS)
        self.drawn = Drawn(self._viewer, self._on_drawn)
        self.job, self._writing = LatestJob(), LatestJob(delay_ms=0)
        self._lay_out()
        self._connect()
        self._refresh()

    @staticmethod
    def _release(parts: dict[str, Any]) -> None:
        release_all(parts, ("layers", "drawn", "around"))
        for name in ("job", "_writing"):
            parts[name].cancel()

    def save(self, path: str) -> None:
        """Write the surface, or the profile (.csv), to a file."""
        try:
            if Path(path).suffix.lower() == ".csv":
                profile = self.profile.value()
                if profile is None:
                    raise UmisFusionError("there is no profile yet: draw a line first.")
                self._tell(f"Saved {write_profile(path, profile)}.")
            elif self.measured is not None:
                factor = self.shown["exaggeration"].value
                self._writing.submit(partial(iter_write, path, self.measured, factor))
        except Exception as error:
            self._on_failed(error)

    def show_in_3d(self) -> None:
        """Add the surface as a layer, or renew it, and look at it in 3-D."""
        measured = self.measured
        if measured is None:
            return
        source, factor = measured.source, self.shown["exaggeration"].value
        try:
            data, attributes, _ = source.depth.surface_layer(measured.heights, factor)
            if source.image is not None:
                attributes["texture"] = source.depth.picture(source.image)
        except UmisFusionError as error:
            self._on_failed(error)
            return
        about = self._renewed(attributes["name"])
        # a picture brings its own light and shade
        shading = "smooth" if source.image is None else "none"
        self._viewer.add_surface(data, shading=shading, metadata=about, **attributes)
        for flat in (source.layer, source.picture):  # in 3-D it would cut through the surface
            if flat is not None:
                flat.visible = False
        self._viewer.dims.ndisplay = 3
        self._look_from_the_top()

    def add_contours(self) -> None:
        """Add lines of equal height as a shapes layer, or renew them."""
        measured = self.measured
        if measured is None:
            return
        try:
            lines = contours(measured.prepared, self.shown["spacing_um"].value)
        except UmisFusionError as error:
            self._on_failed(error)
            return
        if not lines:
            self._tell("No line lies within the heights: give a smaller spacing.")
            return
        self._viewer.add_shapes(
            [line.line_px for line in lines],
            shape_type="path",
            name=CONTOURS,
            metadata=self._renewed(CONTOURS),
            **measured.source.placed_shapes(),
            edge_width=max(0.5, max(measured.heights.heights_um.shape) / 1000),
            edge_color="height_um",
            edge_colormap="viridis",
            face_color="transparent",
            features={"height_um": [line.height_um for line in lines]},
        )
        self._tell(f"{len(lines)} lines; the features of the layer tell their heights.")

    def _renewed(self, name: str) -> dict[str, str]:
        """Remove the layer that was made under a name; return the metadata of the next."""
        made = [one for one in self._viewer.layers if one.metadata.get(MADE_KEY) == name]
        for layer in made:
            self._viewer.layers.remove(layer)
        return {MADE_KEY: name}

    def _lay_out(self) -> None:
        self.drawn_numbers.hide()
        drawing, profile = QWidget(), QVBoxLayout()
        row = QHBoxLayout()
        for name in ("line", "region"):
            row.addWidget(self.buttons[name])
        profile.addLayout(row)
        profile.addWidget(self.profile)
        profile.addWidget(self.drawn_numbers)
        drawing.setLayout(profile)
        self.shown.add_below(self.buttons["show"], self.buttons["contours"])
        inside = QWidget()
        column = QVBoxLayout(inside)
        for part in (
            self.layers,
            section("Form and filters", self.form, is_open=True),
            self.table,
            section("Profile and steps", drawing, is_open=True),
            section("3-D and contours", self.shown),
            section("Around the surface", self.around),
            self.buttons["save"],
            self.status,
        ):
            column.addWidget(part)
        column.addStretch(1)
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.addWidget(VerticalScroll(inside))

    def _connect(self) -> None:
        actions = {
            "line": partial(self._draw, "line"),
            "region": partial(self._draw, "region"),
            "show": self.show_in_3d,
            "contours": self.add_contours,
            "save": self._open_dialog,
        }
        for name, button in self.buttons.items():
            button.clicked.connect(actions[name])
        for part in (self.layers, self.form):
            part.valueChanged.connect(self._refresh)
            part.valueChanged.connect(self.valueChanged)
        self.around.told.connect(self._tell)
        self.job.done.connect(self._on_measured)
        self.job.failed.connect(self._on_failed)
        self._writing.done.connect(self._on_written)
        self._writing.failed.connect(self._on_failed)

    def _refresh(self) -> None:
        """Measure what the rows say; what was measured before is not shown any more."""
        self.measured = None
        self.table.setText("")
        self._enable()
        try:
            config = self.form.value()
            source = self.layers.source(config)
        except UmisFusionError as error:
            self.job.cancel()
            self._on_failed(error)
            return
        if source is None:
            self.job.cancel()
            self.profile.clear()
            self._tell(HINT)
            return
        self._tell("Measuring…")
        self.job.submit(partial(iter_measure, source, config))

    def _on_measured(self, measured: Measured) -> None:
        self.measured = measured
        self.table.setText(measured.table())
        self._tell("")
        self._enable()
        self._on_drawn()

    def _on_drawn(self, event: Any = None) -> None:
        """Measure the lines and regions that are drawn."""
        if self.measured is None:
            return
        surface, source = self.measured.prepared, self.measured.source
        line = self.drawn.line_px(source)
        if line is None:
            self.profile.clear()
        else:
            try:
                self.profile.setValue(profile_along(surface, line))
            except UmisFusionError:  # not yet a line: it is being drawn
                self.profile.clear()
        text = region_numbers(surface, self.drawn.regions(source))
        self.drawn_numbers.setText(text)
        self.drawn_numbers.setVisible(bool(text))

    def _draw(self, what: str) -> None:
        if self.measured is not None:
            self.drawn.begin(what, self.measured.source)

    def _look_from_the_top(self) -> None:
        """Let the plane that lies highest be nearest, where napari can."""
        camera = camera_of(self._viewer)
        if hasattr(camera, "orientation"):
            _, down, right = camera.orientation
            nearest = "away" if self.form.value().top == "first" else "towards"
            camera.orientation = (nearest, down, right)
        self._viewer.reset_view()
        camera.angles = ANGLES

    def _enable(self) -> None:
        for button in self.buttons.values():
            button.setEnabled(self.measured is not None)

    def _open_dialog(self) -> None:
        path, chosen = QFileDialog.getSaveFileName(
            self, "Save the surface", "surface", ";;".join(FILTERS)
        )
        if path:
            self.save(path if Path(path).suffix else path + FILTERS.get(chosen, ""))

    def _on_written(self, paths: list[Path]) -> None:
        self._tell(f"Saved {', '.join(str(path) for path in paths)}.")

    def _on_failed(self, error: Exception) -> None:
        tell_unexpected(error)
        self._tell(sentence_of(error))

    def _tell(self, text: str) -> None:
        self.status.setText(text)
        self.status.setVisible(bool(text))
