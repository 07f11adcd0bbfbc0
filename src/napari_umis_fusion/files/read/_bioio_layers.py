"""Files of microscope programs as layers, by bioio: one layer for each channel of each scene."""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_umis_fusion.files._layer_attributes import (
    FILE_KEY,
    LayerData,
    channel_appearance,
    placement_attributes,
)
from napari_umis_fusion.files.read._bioio_scene import BioioScene, open_scene
from napari_umis_fusion.files.read._lazy_arrays import LAZY_BYTES, stack_planes
from napari_umis_fusion.files.read._tiff_layers import MAX_SERIES
from napari_umis_fusion.stack import MAX_CHANNELS


def bioio_layers(path: Path) -> list[LayerData]:
    """Read a file of a microscope program as layers, with all axes, channels and scenes.

    Raises
    ------
    StackFileError
        If bioio or its plugin is missing, or the file is broken.
    """
    first = open_scene(path, 0)
    if first.count > MAX_SERIES:
        msg = f"{path}: holds {first.count} scenes; only the first {MAX_SERIES} are opened."
        warnings.warn(msg, UserWarning, stacklevel=2)
    others = range(1, min(first.count, MAX_SERIES))
    scenes = [first, *(open_scene(path, number) for number in others)]
    lazy = sum(math.prod(one.sizes.values()) * one.dtype.itemsize for one in scenes) > LAZY_BYTES
    return [layer for scene in scenes for layer in _scene_layers(scene, lazy)]


def _scene_layers(scene: BioioScene, lazy: bool) -> list[LayerData]:
    channels = scene.sizes.get("C", 1)
    picks = [{"C": number} for number in range(channels)] if 1 < channels <= MAX_CHANNELS else [{}]
    looks = channel_appearance([None] * len(picks))
    return [
        (_array(scene, pick, lazy), {**_attributes(scene, pick), **look}, "image")
        for pick, look in zip(picks, looks, strict=True)
    ]


def _outer(scene: BioioScene, pick: Mapping[str, int]) -> list[str]:
    excluded = (*pick, "Y", "X", *(("S",) if scene.colour else ()))
    return [axis for axis in scene.sizes if axis not in excluded]


def _array(scene: BioioScene, pick: Mapping[str, int], lazy: bool) -> Any:
    outer, last = _outer(scene, pick), "S" if scene.colour else None

    def read(place: tuple[int, ...]) -> Any:
        return scene.read({**pick, **dict(zip(outer, place, strict=True))}, last)

    inner = [scene.sizes[axis] for axis in ("Y", "X", last) if axis is not None]
    return stack_planes(read, [scene.sizes[a] for a in outer], inner, scene.dtype, lazy=lazy)


def _attributes(scene: BioioScene, pick: Mapping[str, int]) -> dict[str, Any]:
    axes = [*(axis.lower() for axis in _outer(scene, pick)), "y", "x"]
    origin = {"path": str(scene.path.absolute()), "series": scene.number, "index": dict(pick)}
    name = scene.path.stem if scene.count == 1 else f"{scene.path.stem} {scene.name}"
    if pick:
        number = pick["C"]
        names = scene.channel_names
        name += f" {names[number]}" if names and names[number] else f" channel {number + 1}"
    places = placement_attributes(axes, scene.calibration, scene.time_step_s)
    return {**places, "name": name, "rgb": scene.colour, "metadata": {FILE_KEY: origin}}
