"""The rows of the wipe: which two images, and the direction of the border."""

from collections.abc import Mapping, Sequence
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.plugin.compare._wipe import Wipe
from napari_umis_fusion.plugin.viewer import NamedLayers, is_image
from napari_umis_fusion.plugin.widgets import Form, names_box
from napari_umis_fusion.runtime import sentence_of

NOTHING = "nothing"
START, END = "Wipe", "End the wipe"
TIP = "Show both images with a border between them, and drag it. Both layers stay as they are."
HINT = "Drag the yellow border. Sliders, contrast and colours of both layers are followed."
ROWS = {
    "before": ("before", "Image left of, or above, the border: a result, or a stack's plane."),
    "behind": ("behind", "Image right of, or below, the border."),
}


class WipeSection(Form):
    """Rows for the two images of a wipe, and a button.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.

    Signals
    -------
    notified(str)
        What happens, as a sentence.
    ended()
        The wipe has ended.
    """

    notified = Signal(str)
    ended = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        images = [
            names_box(name=name, label=label, tooltip=tip, choices=[NOTHING])
            for name, (label, tip) in ROWS.items()
        ]
        direction = ComboBox(
            name="direction",
            label="border",
            choices=["vertical", "horizontal"],
            tooltip="Direction of the border.",
        )
        super().__init__([*images, direction])
        self.wipe = Wipe(viewer, self._on_ended)
        self.button = QPushButton(START)
        self.button.setToolTip(TIP)
        self.button.setCheckable(True)
        self.button.clicked.connect(self._on_button)
        self.add_below(self.button)
        self._named = NamedLayers(self._offer)
        self._events = [viewer.layers.events.inserted, viewer.layers.events.removed]
        for event in self._events:
            event.connect(self._offer)
        self.valueChanged.connect(self._on_changed)
        self._offer()

    def release(self) -> None:
        """End the wipe, and disconnect from the viewer."""
        self.wipe.end()
        for event in self._events:
            event.disconnect(self._offer)
        self._named.follow([])

    def start(self) -> None:
        """Begin with the chosen images; a message says why if that is not possible."""
        names = [self[row].value for row in ROWS]
        try:
            if any(name not in self._viewer.layers for name in names):
                raise UmisFusionError("there are no two images yet; open or fuse some.")
            before, behind = (self._viewer.layers[name] for name in names)
            self.wipe.start(before, behind, self["direction"].value)
        except UmisFusionError as error:
            self.notified.emit(sentence_of(error))
        else:
            self.notified.emit(HINT)
        self._show_state()

    def end(self) -> None:
        """End it, if it is shown."""
        if not self.wipe.is_on:
            return
        self.wipe.end()
        self.notified.emit("")
        self._show_state()

    def choose(self, names: Sequence[str]) -> None:
        """Choose two images by name."""
        self.set_row_values(dict(zip(ROWS, names, strict=True)))

    def toggle_with(self, layers: Sequence[Any]) -> None:
        """End a wipe; otherwise begin one with these layers, or as chosen if they are not two."""
        if self.wipe.is_on:
            self.end()
            return
        names = [layer.name for layer in layers if layer in self._images()]
        if len(names) == len(ROWS):
            self.choose(names)
        self.start()

    def _images(self) -> list[Any]:
        return list(filter(is_image, self._viewer.layers))

    def _offer(self, event: Any = None) -> None:
        """Offer the images that there are; two that are not chosen yet become so."""
        images, before = self._images(), [self._named.now(self[row].value) for row in ROWS]
        names = self._named.follow(images)
        # A map beside a picture shows nothing: maps are the last choice.
        pictures_last = [one.name for one in sorted(images, key=lambda one: not _is_map(one))]
        taken: list[str] = []
        for row, chosen in zip(ROWS, before, strict=True):
            with self[row].changed.blocked():
                self[row].choices = [*names, NOTHING]
                free = [name for name in pictures_last if name not in taken]
                new = free[-1] if free else NOTHING
                self[row].value = chosen if chosen in names and chosen not in taken else new
            taken.append(self[row].value)
        self.button.setEnabled(len(names) > 1)

    def _on_button(self, is_on: bool) -> None:
        if is_on:
            self.start()
        else:
            self.end()

    def _on_changed(self) -> None:
        if self.wipe.is_on:
            self.start()

    def _on_ended(self, text: str) -> None:
        self.notified.emit(text)
        self._show_state()

    def _show_state(self) -> None:
        self.button.setChecked(self.wipe.is_on)
        self.button.setText(END if self.wipe.is_on else START)
        if not self.wipe.is_on:
            self.ended.emit()


def _is_map(layer: Any) -> bool:
    """Whether a layer is a map of a fusion, rather than an image of the specimen."""
    run = layer.metadata.get(RUN_KEY)
    output = run.get("output") if isinstance(run, Mapping) else None
    return output not in (None, "all_in_focus", "around")
