"""How stacks are told apart, and what is written of each."""

from dataclasses import dataclass, field
from typing import Literal

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import ConfigBase, check_fields, choice, number

GroupBy = Literal["names", "count", "time"]
FileFormat = Literal[".ome.tif", ".tif", ".png"]

MAPS = {"depth_map": "_depth", "depth_error_map": "_depth-error", "index_map": "_index"}
"""What the name of each map ends in."""

IN_UM = ("depth_map", "depth_error_map")
"""Maps in µm, which need the distance between planes."""


@dataclass(frozen=True, slots=True)
class BatchOptions(ConfigBase):
    """How stacks in folders are told apart, and what is written of each.

    Raises
    ------
    ConfigError
        If a value is not accepted.

    Examples
    --------
    >>> BatchOptions(group_by="count", planes=12).planes
    12
    """

    pattern: str = field(
        default="*",
        metadata={
            "help": "Only files whose name matches a pattern, such as *_z*.tif.",
            "text": "PATTERN",
        },
    )
    group_by: GroupBy = field(
        default="names",
        metadata=choice(
            GroupBy,
            "What tells the stacks of a folder apart: the names of the files, a number of planes, "
            "or a pause between the times at which they were taken.",
        ),
    )
    planes: int = field(
        default=10,
        metadata=number(
            "Planes of each stack.", "", 2, 100_000, used_when=("group_by", ("count",))
        ),
    )
    gap_s: float = field(
        default=5.0,
        metadata=number(
            "Pause after which the next stack begins.",
            "s",
            0.01,
            1e6,
            label="pause",
            step=1.0,
            used_when=("group_by", ("time",)),
        ),
    )
    z_axis: str = field(
        default="",
        metadata={
            "help": "Axis that is z where neither names nor files say so, such as T.",
            "text": "AXIS",
            "may_be_empty": True,
        },
    )
    file_format: FileFormat = field(
        default=".ome.tif",
        metadata=choice(FileFormat, "Extension of the all-in-focus images; maps are OME-TIFFs."),
    )
    depth_map: bool = field(
        default=False,
        metadata={"help": "Also write depth maps, where the distance between planes is known."},
    )
    depth_error_map: bool = field(
        default=False,
        metadata={
            "help": "Also write the standard error of the depth, where the distance between planes "
            "is known; implies depth_error, and depth_error implies it.",
            "label": "error of depth",
        },
    )
    index_map: bool = field(default=False, metadata={"help": "Also write index maps."})
    z_step_um: float | None = field(
        default=None,
        metadata={
            "help": "Distance between planes, in µm; by default what each stack says.",
            "label": "z step",
            "unit": "µm",
            "any_number": True,
        },
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.z_step_um is not None and self.z_step_um <= 0:
            raise ConfigError(
                f"z_step_um={self.z_step_um}; accepted is a positive number of µm, or None."
            )
