"""What a run leaves on disk: its frames, its plan, what was fused, and how."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.write import ImageAbout, naming_write_errors, write_image
from napari_umis_fusion.live._field import Field
from napari_umis_fusion.live._live_events import FieldFailed, FieldFinished
from napari_umis_fusion.live._run_file import EXTENSIONS, KeepFormat, RunFile, check_can_keep
from napari_umis_fusion.live._stack_file import write_stack
from napari_umis_fusion.runtime import (
    ConfigBase,
    atomic_write,
    check_fields,
    choice,
    package_version,
    user_path,
)

if TYPE_CHECKING:
    from useq import MDASequence


@dataclass(frozen=True, slots=True)
class KeepConfig(ConfigBase):
    """What is kept of runs, and where.

    Every run gets a new folder, so that nothing is overwritten. Default and help of each field are
    in its metadata.

    Raises
    ------
    ConfigError
        If a value is not accepted.
    """

    folder: str = field(
        default="umis-runs",
        metadata={"help": "Folder in which every run gets a folder of its own.", "path": True},
    )
    name: str = field(
        default="run",
        metadata={
            "help": "Name of the folder of a run; a number is appended to it.",
            "text": "NAME",
            "may_be_empty": True,
        },
    )
    format: KeepFormat = field(
        default="ome-zarr",
        metadata=choice(KeepFormat, "Format of the frames: OME-Zarr 0.5 or OME-TIFF."),
    )
    fused: bool = field(
        default=True,
        metadata={"help": "Also keep the all-in-focus image and the depth map of each stack."},
    )
    collect: bool = field(
        default=False,
        metadata={
            "help": "Collect a data set for training: each stack is an OME-TIFF of its own, all of "
            "them in one folder.",
        },
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.name.strip() or Path(self.name).name != self.name:
            raise ConfigError(
                f"name={self.name!r}; accepted is a name without folders. Put those into `folder`."
            )


class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    keep : KeepConfig
        What is kept.
    sequence : useq.MDASequence
        The run.
    config : FusionConfig
        How its stacks are fused.

    Attributes
    ----------
    path : Path
        The folder; with `KeepConfig.collect` that of the data set, which other runs share.
    files : list of Path
        The files of frames.

    Raises
    ------
    LiveError
        If it cannot be written.
    """

    def __init__(self, keep: KeepConfig, sequence: "MDASequence", config: FusionConfig) -> None:
        self._keep, self._sequence, self._config = keep, sequence, config
        root = user_path(keep.folder)
        check_can_keep(root)
        self._name = _free_name(root, keep)
        self.path = root if keep.collect else root / self._name
        self.path.mkdir(exist_ok=keep.collect)
        self.files: list[Path] = []
        self._about: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}
        self._write_text("plan.yaml", sequence.yaml(exclude_unset=True) or "")
        self.describe("running")

    def open_file(self, sequence: Any, meta: dict[str, Any]) -> RunFile:
        """Return the file for the frames of the run; raises as `RunFile` does."""
        self._about = _json_values(meta)
        opened = RunFile(self.path / f"stack{EXTENSIONS[self._keep.format]}", sequence, meta)
        self.files.append(opened.path)
        return opened

    @property
    def collects(self) -> bool:
        """Whether stacks are written one by one, once they are complete."""
        return self._keep.collect

    def add(self, event: FieldFinished | FieldFailed) -> None:
        """Keep what became of a field.

        Raises
        ------
        StackFileError
            If it cannot be written.
        """
        name = event.field.name
        if isinstance(event, FieldFailed):
            self._fields[name] = {"failed": event.message}
        else:
            self._fields[name] = {
                "planes": len(event.planes),
                "z_step_um": event.result.calibration.z_step_um,
                "notes": list(event.notes),
                "fusion": event.result.provenance,
            }
            if self._keep.collect:
                path = self.path / f"{self._name}_{name}.ome.tif"
                self.files.append(write_stack(path, event.planes))
            elif self._keep.fused:
                self._write_fused(event.field, event)
        self.describe("running")

    def forget_missing(self) -> None:
        """Leave out files that were removed, since the run took no frame."""
        self.files = [path for path in self.files if path.exists()]

    def describe(self, state: str, notes: tuple[str, ...] = ()) -> None:
        """Write what the folder holds: ``"running"``, ``"complete"`` or why it is not."""
        content = {
            "software": f"napari-umis-fusion {package_version()}",
            "state": state,
            "notes": list(notes),
            "frames": [path.name for path in self.files],
            "fields": self._fields,
            "config": self._config.as_dict(),
            "plan": json.loads(self._sequence.model_dump_json(exclude_unset=True)),
            "microscope": self._about,
        }
        self._write_text("run.json", json.dumps(content, indent=1, default=str))

    def _write_fused(self, field: Field, event: FieldFinished) -> None:
        result = event.result
        images = {"all-in-focus": result.all_in_focus}
        if result.calibration.z_step_um is not None:
            images["depth"] = result.depth_map()
        for kind, image in images.items():
            unit = " (µm)" if kind == "depth" else ""
            write_image(
                self.path / f"{field.name}_{kind}.ome.tif",
                image,
                calibration=result.calibration,
                rgb=result.rgb and kind != "depth",
                provenance=result.provenance,
                about=ImageAbout(f"{field.name} {kind}{unit}"),
            )

    def _write_text(self, name: str, text: str) -> None:
        path = self.path / (f"{self._name}.{name}" if self._keep.collect else name)
        with naming_write_errors(path), atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _free_name(root: Path, keep: KeepConfig) -> str:
    """Return the name with the first number that no run has."""
    number = 1
    while any(root.glob(f"{keep.name}_{number:04d}*")):
        number += 1
    return f"{keep.name}_{number:04d}"


def _json_values(meta: dict[str, Any]) -> dict[str, Any]:
    """Return what an engine says of the microscope as JSON values, without the plan."""
    told = {key: value for key, value in meta.items() if key != "mda_sequence"}
    values: dict[str, Any] = json.loads(json.dumps(told, default=str))
    return values
