"""Layers of fusions that grow: all-in-focus image and depth map of each stack."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.live import Field, FieldFinished, FieldUpdated
from napari_umis_fusion.plugin.acquire._picture_layer import PictureLayer, limits_of
from napari_umis_fusion.runtime import AnyArray

MOST_FIELDS = 12
"""Stacks with layers of their own; of more, the latest are shown."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """The two layers of a stack."""

    image: PictureLayer
    depth: PictureLayer


class FieldLayers:
    """Shows what is known of each stack of a run, in layers that are renewed in place.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    title : str
        First word of the layers' names, such as "sweep 2".
    most : int or None
        Stacks with layers of their own: those of older ones are removed, as their results are in
        files. None: no layer is removed.
    """

    def __init__(self, viewer: Any, title: str, most: int | None = MOST_FIELDS) -> None:
        self._viewer, self._title, self._most = viewer, title, most
        self._run = 0
        self._channels: tuple[str, ...] = ()
        self._shown: dict[Field, _Shown] = {}

    def begin_run(self, number: int, channels: tuple[str, ...]) -> None:
        """Leave the layers of earlier runs as they are: another one has the same fields.

        Parameters
        ----------
        number : int
            Of the run, counted from 0.
        channels : tuple of str
            Names of its channels.
        """
        self._run, self._channels = number, channels
        self._shown.clear()

    def update(self, event: FieldUpdated) -> None:
        """Show the picture of the planes so far; not where the user has deleted it."""
        shown = self._layers_of(event.field)
        pixel_um = event.calibration.pixel_width_um
        is_new = shown.image.layer is None
        shown.image.show(event.picture.all_in_focus, pixel_um)
        if is_new:  # two new layers at once would make the window wait
            return
        depth = event.depth_map()
        layer = shown.depth.show(depth, pixel_um)
        if layer is not None:
            _adjust(layer, depth)

    def finish(self, event: FieldFinished) -> None:
        """Show the result; also where the user has deleted the picture, so that none is lost."""
        shown, result = self._layers_of(event.field), event.result
        pixel_um = result.calibration.pixel_width_um
        has_step = result.calibration.z_step_um is not None
        depth = result.depth_map() if has_step else result.sub_plane_map
        for kind, picture, values in (
            ("all_in_focus", shown.image, result.all_in_focus),
            ("depth_map", shown.depth, depth),
        ):
            picture.renew()
            layer = picture.show(values, pixel_um)
            _adjust(layer, values)
            layer.metadata = {RUN_KEY: {"output": kind, **result.provenance}}
            layer.refresh()

    def _layers_of(self, field: Field) -> _Shown:
        if field not in self._shown:
            self._make_room()
            number = self._run + field.run
            run = f" run {number + 1}" if number else ""
            place = f" {self._place(field)}" if field.index or field.repeat else ""
            name = f"{self._title}{run}{place}"
            self._shown[field] = _Shown(
                PictureLayer(self._viewer, f"{name} all-in-focus"),
                PictureLayer(self._viewer, f"{name} depth", colormap="viridis", visible=False),
            )
        return self._shown[field]

    def _place(self, field: Field) -> str:
        """Return the name of a field, with that of its channel where it is known."""
        name, number = field.name, dict(field.index).get("c")
        if number is None or number >= len(self._channels):
            return name
        return name.replace(f"c{number:03d}", self._channels[number])

    def _make_room(self) -> None:
        if self._most is None or len(self._shown) < self._most:
            return
        oldest = self._shown.pop(next(iter(self._shown)))
        for picture in (oldest.image, oldest.depth):
            if picture.layer is not None:
                self._viewer.layers.remove(picture.layer)


def _adjust(layer: Any, values: AnyArray) -> None:
    """Spread the contrast over the values, which have changed altogether."""
    limits = limits_of(values)
    if limits is not None and not np.allclose(limits, layer.contrast_limits):
        layer.contrast_limits = limits
