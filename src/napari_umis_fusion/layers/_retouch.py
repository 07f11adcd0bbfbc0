"""Layers of a result that follow planes chosen by hand, in the rectangle that was changed."""

import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment import AlignedStack
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files import LayerData
from napari_umis_fusion.fusion import OverriddenPart, Overrider
from napari_umis_fusion.layers._fuse import channels_of, index_of
from napari_umis_fusion.layers._outputs import OutputLayer
from napari_umis_fusion.runtime import ScratchMemory
from napari_umis_fusion.stack import Stack, mask_stack, place_of

if TYPE_CHECKING:
    from napari_umis_fusion.layers._events import LayerFinished

OVERRIDES = "overrides"
"""Name of the layer of overrides, after that of the stack."""


@dataclass(slots=True, eq=False)
class _Place:
    """What is known of one stack: as it was fused, and the overrides that were applied."""

    overrider: Overrider
    automatic: list[NDArray[Any]]
    seen: NDArray[Any]
    wanted: NDArray[np.uint16]
    refused: NDArray[np.bool_]


class RetouchedLayers:
    """The layers of one fusion, which follow overrides in place.

    Overrides are an array with the axes of a map of the result: 0 as decided, k + 1 for plane k,
    counted as the stack's layer counts its planes.

    Parameters
    ----------
    event : LayerFinished
        The fusion.
    number : int
        Which layer is meant, if each was fused separately.

    Raises
    ------
    ConfigError
        If the result has no all-in-focus image.
    """

    def __init__(self, event: "LayerFinished", number: int = 0) -> None:
        self.config, self._checked = event.config, event.checked
        if not any(one.kind == "all_in_focus" for one in event.outputs):
            raise ConfigError(
                "the result has no all-in-focus image to retouch; fuse again and add it."
            )
        self.stacks = event.outputs[0].stacks
        self._number = number if self.stacks.plan.each_channel else 0
        self.outputs = [one for one in event.outputs if self._is_mine(one)]
        image = self.stacks.images[self._number]
        # A map of the same axes; nothing else of it is used.
        self._map = OutputLayer("index_map", image, self.stacks, ScratchMemory(1 << 20))
        self._places: dict[tuple[int, ...], _Place] = {}
        self._lock = threading.Lock()  # a stroke may come while the first copy is made

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the overrides."""
        return self._map.array.shape

    @property
    def refused(self) -> int:
        """Number of pixels that stay as decided because their plane shows nothing there."""
        return sum(int(np.count_nonzero(one.refused)) for one in self._places.values())

    @property
    def time_axis(self) -> int | None:
        """Axis of the overrides along which time runs; None if there is none."""
        labels = self._map.layer_data({})[1]["axis_labels"]
        place = place_of(labels, "time")
        return place if place is not None and self.shape[place] > 1 else None

    def blank(self) -> LayerData:
        """Return a labels layer without overrides, at the place of the result."""
        _, attributes, _ = self._map.layer_data({})
        name = f"{self.stacks.images[self._number].name} {OVERRIDES}"
        kept = ("scale", "translate", "rotate", "shear", "affine", "axis_labels", "units")
        placed = {key: attributes[key] for key in kept if key in attributes}
        return self._map.array, {"name": name, "opacity": 0.35, **placed}, "labels"

    @classmethod
    def of(cls, event: "LayerFinished", number: int = 0) -> "RetouchedLayers":
        """Return what is known of a fusion's layers: only the first knows how they were decided."""
        if not event.outputs:
            return cls(event, number)
        known = event.outputs[0].retouched
        if number not in known:
            known[number] = cls(event, number)
        found: RetouchedLayers = known[number]
        return found

    def entries_of(self, places: Mapping[int, int]) -> dict[int, int]:
        """Return the entries of the looped axes, given an entry for each axis of the stack."""
        index = self.stacks.plan.index
        return {axis: index.get(axis, places[axis]) for axis in self.stacks.loops}

    def stack_at(self, coordinates: Sequence[float]) -> tuple[Stack, int, int] | None:
        """Return the fused stack at such coordinates, and the row and column in it."""
        pixel = self._map.pixel(coordinates)
        return None if pixel is None else self._map.stack_at(pixel)

    def all_entries(self) -> list[dict[int, int]]:
        """Return the entries of all stacks of this layer."""
        return [entries for layer, entries in self.stacks.places() if layer == self._number]

    def of_stack(self, overrides: NDArray[Any], entries: Mapping[int, int]) -> NDArray[Any]:
        """Return the overrides of one stack, of shape (Y, X)."""
        return self._map.view(overrides, entries)

    def iter_prepare(self, entries: Mapping[int, int]) -> Generator[None]:
        """Get ready for the first stroke on a stack: its results are copied as they are.

        It may run in a thread; `follow` waits for it.
        """
        yield
        self._place(entries)

    def automatic(self, output: OutputLayer) -> NDArray[Any]:
        """Return a copy of the array of an image without overrides."""
        found = output.array.copy()
        for key, place in self._places.items():
            entries = dict(zip(self.stacks.loops, key, strict=True))
            for (one, channel, _), kept in zip(self._parts(entries), place.automatic, strict=True):
                if one is output:
                    one.view(found, entries, channel)[...] = kept
        return found

    def follow(self, overrides: NDArray[Any], entries: Mapping[int, int]) -> bool:
        """Let the layers follow the overrides of one stack; return whether anything changed.

        Parameters
        ----------
        overrides : ndarray
            Of all stacks, with the shape `shape`.
        entries : mapping of int to int
            Entry of each looped axis.
        """
        now = self.of_stack(overrides, entries)
        if self._key(entries) not in self._places and not now.any():
            return False
        place = self._place(entries)
        box = place.overrider.dirty_box(place.seen, now)
        if box is None:
            return False
        place.seen[box] = now[box]
        place.wanted[box] = self._stack_planes(now[box])
        part = place.overrider.part(place.wanted, box)
        # Planes outside of those that were fused are refused, too.
        place.refused[box] = (now[box] > 0) & ~part.held
        self._write(place, part, entries)
        return True

    def follow_other(self, other: "RetouchedLayers") -> None:
        """Let the layers follow the overrides of another fusion of the same stacks, in place."""
        for entries in self.all_entries():
            known = other._places.get(other._key(entries))
            if known is not None:
                overrides = np.zeros(self.shape, known.seen.dtype)
                self.of_stack(overrides, entries)[...] = known.seen
                self.follow(overrides, entries)

    def _stack_planes(self, labels: NDArray[Any]) -> NDArray[np.uint16]:
        """Return overrides that count the planes of the fused stack, 0 for planes it lacks."""
        span = self.stacks.span.planes
        inside = (labels > span.start) & (labels <= span.stop)
        return np.where(inside, labels - span.start, 0).astype(np.uint16)

    def _write(self, place: _Place, part: OverriddenPart, entries: Mapping[int, int]) -> None:
        box, held = part.box, part.held
        planes = place.wanted[box][held] - np.uint16(1)
        for (output, channel, view), automatic in zip(
            self._parts(entries), place.automatic, strict=True
        ):
            if output.kind == "all_in_focus":
                view[box] = part.image if channel is None else part.image[..., channel]
                continue
            view[box] = automatic[box]
            values = _chosen(output, planes)
            if values is not None:
                view[box][held] = values
                if output.decided is not output.array:
                    output.view(output.decided, entries)[box][held] = values

    def _place(self, entries: Mapping[int, int]) -> _Place:
        key = self._key(entries)
        with self._lock:
            if key not in self._places:
                self._places[key] = self._new_place(entries)
            return self._places[key]

    def _new_place(self, entries: Mapping[int, int]) -> _Place:
        automatic = [view.copy() for _, _, view in self._parts(entries)]
        images = [
            copy
            for (output, _, _), copy in zip(self._parts(entries), automatic, strict=True)
            if output.kind == "all_in_focus"
        ]
        image = images[0] if len(images) == 1 else np.stack(images, axis=-1)
        stack, shape = self._stack(entries), image.shape[:2]
        overrider = Overrider(stack, image, self.config, self._healths(entries))
        overrider.prepare()
        return _Place(
            overrider,
            automatic,
            np.zeros(shape, np.uint16),
            np.zeros(shape, np.uint16),
            np.zeros(shape, np.bool_),
        )

    def _stack(self, entries: Mapping[int, int]) -> Stack:
        stack = self.stacks.stack((self._number, entries))
        if isinstance(stack, AlignedStack):
            return stack.masked(self.config.empty)
        return mask_stack(stack, self.config.empty)

    def _healths(self, entries: Mapping[int, int]) -> list[Any]:
        """Return what was found of the planes of a stack, counted from its first plane."""
        places = list(self.stacks.places())
        if len(self._checked) != len(places):
            return []
        found = self._checked[places.index((self._number, dict(entries)))].planes
        return [replace(one, z=one.z - self.stacks.span.planes.start) for one in found]

    def _parts(
        self, entries: Mapping[int, int]
    ) -> list[tuple[OutputLayer, int | None, NDArray[Any]]]:
        """Return each output, or channel of one, with its part that belongs to a stack."""
        found: list[tuple[OutputLayer, int | None, NDArray[Any]]] = []
        for output in self.outputs:
            mine = index_of(self.stacks.images, output.image)
            channels = channels_of(output, self.stacks, mine)
            found += [(output, c, output.view(output.array, entries, c)) for c in channels]
        return found

    def _is_mine(self, output: OutputLayer) -> bool:
        mine = index_of(self.stacks.images, output.image)
        return not self.stacks.plan.each_channel or mine == self._number

    def _key(self, entries: Mapping[int, int]) -> tuple[int, ...]:
        return tuple(entries[axis] for axis in self.stacks.loops)


def _chosen(output: OutputLayer, planes: NDArray[np.uint16]) -> Any:
    """Return the values of a map where these planes were chosen; None if it does not change."""
    layer_planes = planes + np.uint16(output.first_plane)
    values = {
        "index_map": layer_planes,
        "source_map": layer_planes,
        "depth_map": output.depth_of(layer_planes.astype(np.float32)),
        "depth_error_map": np.float32(np.nan),
        "confidence_map": np.float32(1),
        "never_in_focus": np.uint8(0),
    }
    return values.get(output.kind)
