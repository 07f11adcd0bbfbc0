"""The choices among options of a training, and fields of which there are several."""

from dataclasses import field
from typing import Any, Literal

from napari_umis_fusion.network import Architecture
from napari_umis_fusion.runtime import number

ObjectiveName = Literal["select", "reconstruct"]
Schedule = Literal["one_cycle", "exponential", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]
Specimen = Literal["any", "opaque", "fluorescence", "transmitted"]
Layers = Literal["all", "late"]
SpatialFrequency = Literal["differences", "published"]

NETWORKS: dict[ObjectiveName, Architecture] = {
    "select": "plane-ranker",
    "reconstruct": "umis-unetplusplus",
}
"""Network of each objective."""

SELECT = ("objective", ("select",))
RECONSTRUCT = ("objective", ("reconstruct",))


def weight(
    default: float, what: str, label: str, used_when: tuple[str, tuple[str, ...]], high: float = 1e3
) -> Any:
    """Return the field of a term's weight in the loss of one objective."""
    (objective,) = used_when[1]
    text = f"Weight of {what} in the loss ('{objective}')."
    metadata = number(text, "", 0.0, high, label=label, used_when=used_when)
    return field(default=default, metadata=metadata)


def size(default: int, side: str) -> Any:
    """Return the field of a side of the images that 'reconstruct' trains on."""
    text = f"{side.title()} to which images are resized ('reconstruct')."
    metadata = number(text, "px", 32, 8192, label=side, used_when=RECONSTRUCT)
    return field(default=default, metadata=metadata)
