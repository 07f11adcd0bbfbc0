"""What of a layer is fused and what is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import changed_fields, check_field, is_int, replace_fields

OutputName = Literal["all_in_focus", "index_map", "depth_map", "confidence_map", "source_map"]

OUTPUTS: dict[str, str] = {
    "all_in_focus": "all-in-focus",
    "index_map": "index map",
    "depth_map": "depth map",
    "confidence_map": "confidence map",
    "source_map": "source map",
}
"""What can be made, and how its layer is called."""


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """Which part of a layer is fused, and which layers come of it.

    Attributes
    ----------
    z_axis, channel_axis : int, str or None
        Place or name of an axis; None: found by name.
    each_channel : bool
        Each channel decides for itself; else one decision, from the channel or rule that
        `FusionConfig.channel` names, holds for all.
    rows, columns : tuple of int, or None
        First row (column) of a region, and the one after its last, in pixels.
    planes : tuple of int, or None
        First and last plane, counted from 0.
    index : mapping of int to int
        The one entry to fuse of an axis that is looped over.
    keep_axes : bool
        Axes that fusing takes away stay, with one entry as thick as all that it stands for, so
        that the sliders of a viewer move stack and image alike.
    outputs : tuple of str
        Which of `OUTPUTS`. The depth map is left out where the layer tells no scale along z, the
        source map (the plane that each pixel was copied from) unless values are copied.
    labels : bool
        The index map comes as a labels layer.
    align_each : bool
        Where `FusionConfig.align` asks for it, the planes of each time point, position and so on
        are aligned for themselves; else what holds for the first holds for all. Channels of one
        specimen always share one alignment.
    transforms : str or None
        A CSV file of an alignment that holds for all, instead of what would be found; see
        `Alignment.save`. It must be of as many planes, rows and columns as are fused.
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
    align_each: bool = True
    transforms: str | None = field(default=None, metadata={"path": True})

    def __post_init__(self) -> None:
        """Check what can be checked without the layer."""
        for name in ("rows", "columns", "planes"):
            _check_pair(name, getattr(self, name))
        for spec in fields(self):
            if spec.name in ("align_each", "transforms"):
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
            "second not before it."
        )
