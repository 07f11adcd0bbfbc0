"""Which part of a layer is fused, and which layers are returned."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion import DepthFill
from napari_umis_fusion.runtime import changed_fields, check_field, choice, is_int, replace_fields

OutputName = Literal[
    "all_in_focus",
    "index_map",
    "depth_map",
    "depth_error_map",
    "confidence_map",
    "source_map",
    "focus_map",
    "never_in_focus",
]

OUTPUTS: dict[str, str] = {
    "all_in_focus": "all-in-focus",
    "index_map": "index map",
    "depth_map": "depth map",
    "depth_error_map": "error of depth",
    "confidence_map": "confidence map",
    "source_map": "source map",
    "focus_map": "focus map",
    "never_in_focus": "never in focus",
}
"""All outputs, and the names of their layers."""


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """Which part of a layer is fused, and which layers are returned.

    Attributes
    ----------
    z_axis, channel_axis : int, str or None
        Index or name of an axis; None: found by name.
    each_channel : bool
        Fuse each channel separately; otherwise one decision, on the channel or rule of
        `FusionConfig.channel`, applies to all.
    rows, columns : tuple of int, or None
        First row (column) of a region, and the one after its last, in pixels.
    planes : tuple of int, or None
        First and last plane, counted from 0.
    index : mapping of int to int
        The one entry to fuse of a looped axis.
    keep_axes : bool
        Keep the axes that fusion removes, with one entry as thick as their extent, so that the
        sliders of a viewer move stack and image together.
    outputs : tuple of str
        Keys of `OUTPUTS`. The depth map and its standard error are left out if the layer has no
        scale along z, the source map (the plane from which each pixel was copied) unless values are
        copied. 'depth_error_map' sets `FusionConfig.depth_error`. 'never_in_focus' is a labels
        layer: 1 where no plane shows detail.
    labels : bool
        Return the index map as a labels layer.
    depth_fill : {"decided", "around", "none"}
        Depth where no plane shows detail: as decided, interpolated smoothly from around, or none
        (NaN).
    align_each : bool
        With `FusionConfig.align`, align each time point and position separately; otherwise the
        alignment of the first is used for all. Channels of one specimen always share one
        alignment.
    transforms : str or None
        CSV file of an alignment to use for all stacks instead of estimating it; see
        `Alignment.save`. It must have as many planes, rows and columns as are fused.
    """

    z_axis: int | str | None = None
    channel_axis: int | str | None = None
    each_channel: bool = False
    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None
    planes: tuple[int, int] | None = None
    index: Mapping[int, int] = field(default_factory=dict)
    keep_axes: bool = False
    outputs: tuple[OutputName, ...] = ("all_in_focus", "index_map", "depth_map", "confidence_map")
    labels: bool = False
    depth_fill: DepthFill = field(
        default="decided", metadata=choice(DepthFill, "Depth where no plane shows detail.")
    )
    align_each: bool = True
    transforms: str | None = field(default=None, metadata={"path": True})

    def __post_init__(self) -> None:
        """Check all that does not depend on the layer."""
        for name in ("rows", "columns", "planes"):
            _check_pair(name, getattr(self, name))
        for spec in fields(self):
            if spec.name in ("align_each", "depth_fill", "transforms"):
                check_field(spec, getattr(self, spec.name))
        unknown = [name for name in self.outputs if name not in OUTPUTS]
        if unknown or not self.outputs:
            raise ConfigError(f"outputs={self.outputs!r}; accepted are {', '.join(OUTPUTS)}.")

    def replace(self, **options: Any) -> Self:
        """Return a copy with some fields changed; raises `ConfigError` for unknown ones."""
        return replace_fields(self, options)

    def differences_from_default(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults."""
        return changed_fields(self)


def _check_pair(name: str, pair: Any) -> None:
    if pair is None:
        return
    whole = isinstance(pair, tuple) and len(pair) == 2 and all(is_int(edge) for edge in pair)
    if not whole or pair[0] < 0 or pair[1] < pair[0] + (name != "planes"):
        raise ConfigError(
            f"{name}={pair!r}; accepted are two whole numbers, the first not negative and the "
            "second not below it."
        )
