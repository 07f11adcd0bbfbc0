"""A draggable border between two images: one of them before it, the other one behind."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from napari.layers import Layer

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.plugin.compare._shown_plane import ShownPlane
from napari_umis_fusion.plugin.viewer import PLACES, FollowedLayers, camera_of, frame, grid_of

Direction = Literal["vertical", "horizontal"]

NAMES = ("wipe, before: {}", "wipe, behind: {}")
LOOKS = ("colormap", "contrast_limits", "gamma", "interpolation2d")
"""What follows the layers while they are compared."""

NEAR_PX = 10
"""Distance from the border, on the screen, at which it can be gripped."""

MIN_INTERVAL_S = 0.03
"""Shortest time between two borders while it is dragged."""


class Wipe:
    """Shows two images of one place, with a border between them that can be dragged.

    Two layers are added over all others while it is on: the layers that they show are not changed.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    tell : callable
        Called with a sentence when the wipe ends by itself.
    """

    def __init__(self, viewer: Any, tell: Callable[[str], Any] = lambda text: None) -> None:
        self._viewer, self._tell = viewer, tell
        self._sources: tuple[Any, ...] = ()
        self._shown: tuple[Any, ...] = ()
        self._planes: tuple[ShownPlane, ...] = ()
        self._direction: Direction = "vertical"
        self._looks = FollowedLayers(LOOKS, self._on_look)
        self._data = FollowedLayers(("data", *PLACES), self._renew)
        self._values = FollowedLayers(("set_data",), self._on_values)
        self._is_changing = self._had_grid = False
        self._drawn_s = 0.0
        self.border = 0.0

    @property
    def is_on(self) -> bool:
        """Whether two images are compared."""
        return bool(self._sources)

    def start(self, before: Any, behind: Any, direction: Direction = "vertical") -> None:
        """Compare two layers instead of those before; the border is in the middle.

        Parameters
        ----------
        before, behind : napari.layers.Image
            Left and right of a vertical border, above and below a horizontal one.
        direction : {"vertical", "horizontal"}
            Direction of the border.

        Raises
        ------
        StackError
            If they are one layer, no images, or show different places.
        """
        self.end()
        if before is behind:
            raise StackError("both are one layer; choose two images.")
        if self._viewer.dims.ndisplay != 2:
            raise StackError("images are wiped in the 2D view; switch to it first.")
        planes = tuple(ShownPlane(self._viewer, layer) for layer in (before, behind))
        _check_overlap(planes)
        self._direction, self._sources, self._planes = direction, (before, behind), planes
        self._had_grid = bool(grid_of(self._viewer).enabled)
        grid_of(self._viewer).enabled = False  # in its cells, nothing lies over another
        self._add()
        self._listen(True)
        low, high = self.range()
        self.move_to((low + high) / 2)

    def end(self, text: str = "") -> None:
        """Remove what was added; the viewer is as it was before."""
        if not self.is_on:
            return
        self._listen(False)
        shown, self._shown, self._sources, self._planes = self._shown, (), (), ()
        for layer in shown:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        if self._had_grid:
            grid_of(self._viewer).enabled = True
        self._set_pan(True)
        if text:
            self._tell(text)

    def range(self) -> tuple[float, float]:
        """Return where the border may be, in world coordinates: over both images."""
        ends = [plane.world_extent(self._axis_of(plane)) for plane in self._planes]
        return max(low for low, _ in ends), min(high for _, high in ends)

    def move_to(self, world: float) -> None:
        """Move the border to a world coordinate, across its direction."""
        if not self.is_on:
            return
        low, high = self.range()
        self.border = min(max(world, low), high)
        plane, (front, _) = self._planes[0], self._shown
        stop = plane.index_at(self._axis_of(plane), self.border)
        is_empty = stop == 0
        part = plane.part(self._axis_of(plane), max(stop, 1))
        if front.data.shape != part.shape:
            front.data = part
        if front.visible == is_empty:  # to set what is set already would draw all once more
            front.visible = not is_empty

    def _axis_of(self, plane: ShownPlane) -> int:
        return plane.axes[-1 if self._direction == "vertical" else -2]

    def _viewer_axis(self) -> int:
        return int(self._viewer.dims.displayed[-1 if self._direction == "vertical" else -2])

    def _add(self) -> None:
        """Add both layers above all others, and leave the selection as it is."""
        layers = self._viewer.layers
        selected, active = set(layers.selection), layers.selection.active
        made = []
        pairs = zip(self._planes, NAMES, strict=True)
        for plane, name in reversed(list(pairs)):
            layer = Layer.create(*plane.layer_data(name.format(plane.layer.name)))
            made.append(self._viewer.add_layer(layer))
        self._shown = tuple(reversed(made))
        # One side of its frame is the border.
        frame(self._shown[0])
        layers.selection = selected & set(layers)
        if active in layers:
            layers.selection.active = active

    def _renew(self, event: Any = None) -> None:
        """Show other values: of another time, or because the data have changed."""
        if not self.is_on or self._is_changing:
            return
        try:
            planes = tuple(ShownPlane(self._viewer, layer) for layer in self._sources)
            _check_overlap(planes)
        except StackError as error:
            self.end(f"The wipe has ended: {error}")
            return
        self._planes, self._is_changing = planes, True
        try:
            for plane, layer in zip(planes, self._shown, strict=True):
                data, attributes, _ = plane.layer_data(layer.name)
                layer.data = data
                for name in PLACES:
                    setattr(layer, name, attributes[name])
        finally:
            self._is_changing = False
        self.move_to(self.border)

    def _on_look(self, event: Any) -> None:
        for source, layer in zip(self._sources, self._shown, strict=True):
            if event.source is source:
                setattr(layer, event.type, getattr(source, event.type))

    def _on_values(self, event: Any) -> None:
        """Show values that were written into the array of a layer."""
        for source, layer in zip(self._sources, self._shown, strict=True):
            if event.source is source:
                layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _on_removed(self, event: Any) -> None:
        if event.value in (*self._sources, *self._shown):
            self.end("The wipe has ended: one of its layers was removed.")

    def _on_display(self, event: Any) -> None:
        if self._viewer.dims.ndisplay != 2:
            self.end("The wipe has ended: it is for the 2D view.")

    def _on_grid(self, event: Any) -> None:
        if grid_of(self._viewer).enabled:
            self.end("The wipe has ended: in a grid, images lie beside each other.")

    def _on_drag(self, viewer: Any, event: Any) -> Iterator[None]:
        if not self._is_near(event):
            return
        self._set_pan(False)
        yield
        while event.type == "mouse_move":
            # Each border is drawn; more of them than a screen shows would only queue up.
            if time.monotonic() - self._drawn_s >= MIN_INTERVAL_S:
                self.move_to(event.position[self._viewer_axis()])
                self._drawn_s = time.monotonic()
            yield
        self.move_to(event.position[self._viewer_axis()])
        self._set_pan(True)

    def _is_near(self, event: Any) -> bool:
        """Whether a press grips the border, and no tool of the active layer wants it."""
        active = self._viewer.layers.selection.active
        if str(getattr(active, "mode", "pan_zoom")) != "pan_zoom":
            return False
        zoom = camera_of(self._viewer).zoom
        return bool(abs(event.position[self._viewer_axis()] - self.border) * zoom <= NEAR_PX)

    def _set_pan(self, is_on: bool) -> None:
        """Let the mouse move the picture, or not; a tool of the active layer may forbid it."""
        active = self._viewer.layers.selection.active
        camera_of(self._viewer).mouse_pan = is_on and bool(getattr(active, "mouse_pan", True))

    def _listen(self, is_on: bool) -> None:
        dims, layers = self._viewer.dims.events, self._viewer.layers.events
        for event, callback in (
            (dims.current_step, self._renew),
            (dims.order, self._renew),
            (dims.ndim, self._renew),
            (dims.ndisplay, self._on_display),
            (layers.removed, self._on_removed),
            (grid_of(self._viewer).events.enabled, self._on_grid),
        ):
            (event.connect if is_on else event.disconnect)(callback)
        followed = self._sources if is_on else ()
        for each in (self._looks, self._data, self._values):
            each.follow(followed)
        callbacks = self._viewer.mouse_drag_callbacks
        if is_on:
            callbacks.append(self._on_drag)
        else:
            with contextlib.suppress(ValueError):
                callbacks.remove(self._on_drag)


def _check_overlap(planes: tuple[ShownPlane, ...]) -> None:
    one, other = planes
    for axis, its in zip(one.axes, other.axes, strict=True):
        (low, high), (start, stop) = one.world_extent(axis), other.world_extent(its)
        if min(high, stop) <= max(low, start):
            raise StackError(
                f"{one.layer.name!r} and {other.layer.name!r} show different places; choose two "
                "images that lie over one another."
            )
