"""The groups and arrays of the output: image, labels and maps of each field, as OME-Zarr 0.5."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.files.ome_zarr import OWN_KEY, ZarrImage, colour_of, needs_scale
from napari_umis_fusion.fusion import passes_of
from napari_umis_fusion.runtime import atomic_write
from napari_umis_fusion.scale._run_plan import RunPlan

SMALLEST_LEVEL_PX = 256
"""Longest side of the smallest level of a pyramid, about."""

INDEX, SOURCE, NEVER = "labels/index", "labels/source", "labels/never_in_focus"
DEPTH, SUB_PLANE, CONFIDENCE, FOCUS = (
    "maps/depth",
    "maps/sub_plane",
    "maps/confidence",
    "maps/focus",
)
DEPTH_ERROR, SUB_PLANE_ERROR = "maps/depth_error", "maps/sub_plane_error"
"""Groups within that of a field; `DEPTH` and its error are in µm, `SUB_PLANE` and its error in
planes where the step of z is unknown."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the pictures of a field.

    Attributes
    ----------
    path : str
        Its group within that of the field; empty for the all-in-focus image.
    dtype : str
        Of its values.
    """

    path: str
    dtype: str

    @property
    def is_label(self) -> bool:
        """Whether values are numbers of things, between which there is nothing."""
        return self.path.startswith("labels/")


def parts_of(plan: RunPlan, field: int) -> list[Part]:
    """List the pictures of a field."""
    source = plan.source.fields[field]
    is_um = source.calibration.z_step_um is not None
    depths = [DEPTH if is_um else SUB_PLANE]
    if plan.config.depth_error:
        depths.append(DEPTH_ERROR if is_um else SUB_PLANE_ERROR)
    labels = [Part(INDEX, "uint16"), Part(NEVER, "uint8")]
    if passes_of(plan.config, source.size("z")).copies:
        labels.append(Part(SOURCE, "uint16"))
    maps = [Part(path, "float32") for path in (*depths, CONFIDENCE, FOCUS)]
    return [Part("", str(source.output_dtype)), *labels, *maps]


def level_shapes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Return (Y, X) of each level of a pyramid: each half of the one before."""
    levels = [shape]
    while max(levels[-1]) > SMALLEST_LEVEL_PX:
        height, width = levels[-1]
        levels.append((-(-height // 2), -(-width // 2)))
    return levels


def create_field(plan: RunPlan, field: int) -> None:
    """Create the groups and empty arrays of a field, over what an interrupted start left."""
    with needs_scale():
        from yaozarrs import v05

    source, root = plan.source.fields[field], plan.image(field)
    parts = parts_of(plan, field)
    for part in parts:
        for level, plane in enumerate(level_shapes(source.plane_shape)):
            path = root / part.path / str(level)
            _create_array(plan, field, part, path, plane)
        write_group(root / part.path, _describe(plan, field, part), plan.made_by)
    names = [part.path.removeprefix("labels/") for part in parts if part.is_label]
    write_group(root / "labels", v05.LabelsGroup(labels=names))
    write_group(root / "maps")


def _describe(plan: RunPlan, field: int, part: Part) -> Any:
    """Return the metadata of a picture."""
    from yaozarrs import v05

    source = plan.source.fields[field]
    multiscale = v05.Multiscale.from_dims(
        _dims(source, part, keeps_z=plan.keeps_z),
        name=part.path.rpartition("/")[2] or source.name or "image",
        n_levels=len(level_shapes(source.plane_shape)),
    )
    multiscale.type = "nearest" if part.is_label else "mean"
    if not part.is_label:
        return v05.Image(multiscales=[multiscale], omero=_omero(source, part))
    label = v05.ImageLabel(source=v05.LabelSource(image="../../"))
    return v05.LabelImage.model_validate({"multiscales": [multiscale], "image-label": label})


def write_group(path: Path, model: Any = None, made_by: Mapping[str, Any] | None = None) -> None:
    """Write the description of a group, atomically.

    Parameters
    ----------
    path : Path
        The folder of the group.
    model : model of yaozarrs, optional
        What OME-Zarr says of it.
    made_by : mapping, optional
        What this package says of it.
    """
    attributes: dict[str, Any] = {}
    if model is not None:
        ome = model.model_dump(mode="json", exclude_none=True, by_alias=True)
        attributes["ome"] = ome
    if made_by is not None:
        attributes[OWN_KEY] = dict(made_by)
    content = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    path.mkdir(parents=True, exist_ok=True)
    with atomic_write(path / "zarr.json") as temporary:
        temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _axes(source: ZarrImage, part: Part, *, keeps_z: bool) -> tuple[str, ...]:
    left_out = {"c"} if part.path else set()
    left_out |= set() if keeps_z else {"z"}
    return tuple(name for name in source.axes if name not in left_out)


def _dims(source: ZarrImage, part: Part, *, keeps_z: bool) -> list[Any]:
    from yaozarrs import DimSpec

    axes = _axes(source, part, keeps_z=keeps_z)
    moved = {name: source.translation[source.axes.index(name)] for name in axes if name in "zyx"}
    dims = []
    for name in axes:
        place = source.axes.index(name)
        kind = {"t": "time", "c": "channel"}.get(name, "space")
        dims.append(
            DimSpec(
                name=name,
                # What is left of z has no thickness that could be told; it is where plane 0 was.
                scale=1.0 if name == "z" else source.scale[place],
                unit=source.units[place],
                type=kind,
                scale_factor=2.0 if name in "yx" else 1.0,
                translation=moved.get(name) if any(moved.values()) else None,
            )
        )
    return dims


def _create_array(
    plan: RunPlan, field: int, part: Part, path: Path, plane: tuple[int, int]
) -> None:
    """Create the array of a level, whose shards are the blocks of the plan."""
    import zarr
    from zarr.codecs import BytesCodec, ZstdCodec

    source, grid = plan.source.fields[field], plan.grids[field]
    sizes = {"t": source.size("t"), "c": source.size("c"), "z": 1, "y": plane[0], "x": plane[1]}
    axes = _axes(source, part, keeps_z=plan.keeps_z)
    others = (1,) * (len(axes) - 2)
    zarr.create_array(
        str(path),
        shape=tuple(sizes[name] for name in axes),
        chunks=(*others, *grid.chunk),
        shards=(*others, *grid.shard),
        dtype=part.dtype,
        fill_value=0,
        dimension_names=axes,
        zarr_format=3,
        overwrite=True,
        serializer=BytesCodec(endian="little"),
        compressors=(ZstdCodec(level=1),),
    )


def _omero(source: ZarrImage, part: Part) -> Any:
    """Return colours and contrast of the channels, as far as the input tells them."""
    from yaozarrs import v05

    if part.path or not source.channels:
        return None
    kind = source.output_dtype
    top = float(np.iinfo(kind).max) if kind.kind in "iu" else 1.0
    whole = {"min": 0.0, "max": top, "start": 0.0, "end": top}
    channels = [
        {
            **told,
            "color": "{:02X}{:02X}{:02X}".format(*colour_of(told.get("color")) or (255,) * 3),
            "window": {**whole, **(told.get("window") or {})},
        }
        for told in source.channels
    ]
    return v05.Omero.model_validate({"channels": channels})


class FieldArrays:
    """The arrays of a field, opened to write one time point.

    Parameters
    ----------
    plan : RunPlan
        The run.
    field : int
        Which field.
    time : int
        Which time point.
    """

    def __init__(self, plan: RunPlan, field: int, time: int) -> None:
        self._plan, self._field, self._time = plan, field, time
        self._opened: dict[str, Any] = {}

    def _array(self, path: str, level: int) -> Any:
        import zarr

        name = f"{path}/{level}".lstrip("/")
        if name not in self._opened:
            where = self._plan.image(self._field) / name
            self._opened[name] = zarr.open_array(str(where), mode="r+")
        return self._opened[name]

    def _places(self, part: Part, rows: slice, columns: slice, channel: int = 0) -> Any:
        source = self._plan.source.fields[self._field]
        places = {"t": self._time, "c": channel, "z": 0, "y": rows, "x": columns}
        axes = _axes(source, part, keeps_z=self._plan.keeps_z)
        return tuple(places[name] for name in axes)

    def sweep(self, part: Part) -> None:
        """Remove what killed processes left of files of this time point; none is being written."""
        source = self._plan.source.fields[self._field]
        for level in range(len(level_shapes(source.plane_shape))):
            chunks = self._plan.image(self._field) / part.path / str(level) / "c"
            if "t" in source.axes:
                chunks /= str(self._time)
            for path in chunks.rglob("*.partial"):
                path.unlink(missing_ok=True)

    def channels(self, part: Part) -> int:
        """Count the channels of a picture."""
        return 1 if part.path else self._plan.source.fields[self._field].size("c")

    def write(self, part: Part, values: Any, rows: slice, columns: slice, level: int = 0) -> None:
        """Write a rectangle of whole shards: ndarray of shape (Y, X) or (Y, X, C)."""
        array = self._array(part.path, level)
        for channel, plane in enumerate(_by_channel(values)):
            array[self._places(part, rows, columns, channel)] = plane.astype(array.dtype)

    def read(
        self, part: Part, rows: slice, columns: slice, level: int = 0, channel: int | None = None
    ) -> Any:
        """Read a rectangle: ndarray of shape (Y, X), or (Y, X, C) for an image of channels."""
        array = self._array(part.path, level)
        count = self.channels(part)
        wanted: Sequence[int] = range(count) if channel is None else (channel,)
        planes = [np.asarray(array[self._places(part, rows, columns, one)]) for one in wanted]
        return planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)


def _by_channel(values: Any) -> Iterator[Any]:
    return iter((values,)) if values.ndim == 2 else iter(np.moveaxis(values, -1, 0))
