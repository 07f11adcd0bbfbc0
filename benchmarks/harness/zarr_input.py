"""Images of OME-Zarr of any size that take little space: a few files under many names."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import zarr

CHUNK_PX = 512
DISTINCT_PLANES = 50
"""Planes whose values differ; further ones repeat them."""


def a_tile(planes: int, side_px: int, seed: int = 0) -> list[Any]:
    """Return planes of one chunk: each row is in focus in another of them."""
    rng = np.random.default_rng(seed)
    detail = rng.normal(size=(side_px, side_px))
    place = np.linspace(0, planes - 1, side_px)[:, None]
    return [
        np.clip(
            2000 + 400 * (detail / (1 + abs(place - z)) + rng.normal(0, 0.05, detail.shape)),
            0,
            4095,
        ).astype(np.uint16)
        for z in range(planes)
    ]


def write_input(
    folder: Path,
    planes: int,
    side_px: int,
    times: int = 1,
    channels: int = 1,
    chunk_px: int = CHUNK_PX,
) -> Path:
    """Write an image (T, C, Z, Y, X) whose chunks of one plane are one file with many names."""
    path = folder / f"in-{times}-{channels}-{planes}-{side_px}-{chunk_px}"
    path.mkdir()
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": one, "type": "space", "unit": "micrometer"} for one in "zyx"]
    steps = [{"type": "scale", "scale": [1.0, 1.0, 2.0, 0.5, 0.5]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    content = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    (path / "zarr.json").write_text(json.dumps(content))
    shape, chunks = (times, channels, planes, side_px, side_px), (1, 1, 1, chunk_px, chunk_px)
    array = zarr.create_array(str(path / "0"), shape=shape, chunks=chunks, dtype="uint16")
    side, across = min(chunk_px, side_px), -(-side_px // chunk_px)
    tile = a_tile(min(planes, DISTINCT_PLANES), side)
    firsts: list[Path] = []
    for z in range(planes):
        root = path / "0" / "c" / "0" / "0" / str(z)
        if z < len(tile):
            array[0, 0, z, :side, :side] = tile[z]
            firsts.append(root / "0" / "0")
        for time in range(times):
            for channel in range(channels):
                _link(firsts[z % len(tile)], root.parents[2] / f"{time}/{channel}/{z}", across)
    return path


def _link(first: Path, plane: Path, across: int) -> None:
    """Give the file of a chunk the names of all chunks of a plane."""
    for row in range(across):
        (plane / str(row)).mkdir(parents=True, exist_ok=True)
        for column in range(across):
            if not (name := plane / str(row) / str(column)).exists():
                os.link(first, name)
