"""The file of a run, as pymmcore-plus writes it, but every error is heard.

pymmcore-plus writes by ome-writers, and only logs what fails when a file is closed; a disk that is
full then goes unnoticed.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_umis_fusion.errors import ConfigError, LiveError, StackFileError
from napari_umis_fusion.live._extra import needs_live
from napari_umis_fusion.runtime import reason_of

if TYPE_CHECKING:
    from useq import MDASequence

KeepFormat = Literal["ome-zarr", "ome-tiff"]

EXTENSIONS: dict[KeepFormat, str] = {"ome-zarr": ".ome.zarr", "ome-tiff": ".ome.tiff"}


class RunFile:
    """The file of one run, OME-Zarr 0.5 or OME-TIFF.

    Parameters
    ----------
    path : Path
        Of a new file, with one of `EXTENSIONS`.
    sequence : useq.MDASequence
        The run.
    meta : dict
        What the engine says of the microscope as the run begins.

    Raises
    ------
    ConfigError
        If such a file cannot hold the run, or exists already.
    """

    def __init__(self, path: Path, sequence: "MDASequence", meta: dict[str, Any]) -> None:
        with needs_live():
            from ome_writers import AcquisitionSettings, create_stream
        self.path, self.frames, self._left_out = path, 0, 0
        info = meta["image_infos"][0]
        if str(info.get("pixel_format", "")).upper().startswith("RGB"):
            raise ConfigError(
                "the camera takes colour, which files of whole runs cannot hold; collect the run "
                "instead, which writes a file for each stack."
            )
        settings = _dimensions(sequence, info)
        try:
            made = AcquisitionSettings(root_path=str(path), dtype=info["dtype"], **settings)
            self.path = Path(made.output_path)
            self._stream = create_stream(made)
        except FileExistsError as error:
            raise ConfigError(
                f"{self.path} exists, and is not overwritten; choose another name."
            ) from error
        self._is_tiff = path.suffix != ".zarr"

    def add(self, image: Any, meta: dict[str, Any]) -> None:
        """Write a frame.

        Raises
        ------
        StackFileError
            If it cannot be written.
        """
        about = {
            "delta_t": meta.get("runner_time_ms", 0.0) / 1000,
            "exposure_time": meta.get("exposure_ms", 0.0) / 1000,
        }
        for axis, place in (meta.get("position") or {}).items():
            if axis in ("x", "y", "z") and place is not None:
                about[f"position_{axis}"] = place
        try:
            if self._left_out:
                self._stream.skip(frames=self._left_out)
            self._stream.append(image, frame_metadata=about)
        except Exception as error:
            raise self._failed(error) from error
        self.frames += 1 + self._left_out
        self._left_out = 0

    def skip(self) -> None:
        """Leave a frame out, so that those after it have their places; at the end, none is."""
        self._left_out += 1

    def close(self) -> None:
        """Finish the file, or remove it if it holds nothing.

        Raises
        ------
        StackFileError
            If it cannot be written, or frames are missing in it.
        """
        try:
            self._stream.close()
        except Exception as error:
            raise self._failed(error) from error
        if self.frames == 0:
            _remove(self.path)
        elif self._is_tiff:
            self._check_pages()

    def _check_pages(self) -> None:
        stored = _count_pages(self.path)
        if stored < self.frames:
            raise StackFileError(
                f"{self.path}: {stored} of {self.frames} frames were written, then the disk or "
                "its connection failed. Choose another folder with room for the whole run."
            )

    def _failed(self, error: Exception) -> StackFileError:
        return StackFileError(
            f"{self.path}: cannot be written after {self.frames} frames ({why(error)}). What was "
            "written before is there; choose another folder."
        )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def why(error: BaseException) -> str:
    """Return the reason of an error of devices or files in words."""
    text = " ".join(str(error).split())
    if "No space left" in text or getattr(error, "errno", None) == 28:
        return "the disk is full"
    if isinstance(error, OSError):
        return reason_of(error)
    return text.removeprefix("Error in device ") or type(error).__name__


def _dimensions(sequence: "MDASequence", info: dict[str, Any]) -> dict[str, Any]:
    """Return the axes of the file; the first grows, so that an early end leaves nothing empty."""
    from ome_writers import Dimension, useq_to_acquisition_settings

    try:
        settings: dict[str, Any] = dict(
            useq_to_acquisition_settings(
                sequence,
                image_width=info["width"],
                image_height=info["height"],
                pixel_size_um=info.get("pixel_size_um") or None,
            )
        )
    except NotImplementedError as error:
        raise ConfigError(
            f"the plan does not fit into one file: {error}; accepted are plans in which all "
            "positions and channels have the same planes. Collect the run instead, which writes "
            "a file for each stack."
        ) from error
    dimensions = list(settings["dimensions"])
    if dimensions[0].type in ("time", "space") and len(dimensions) > 2:
        dimensions[0] = dimensions[0].model_copy(update={"count": None})
    cameras = info.get("num_camera_adapter_channels", 1)
    if cameras > 1:
        dimensions.insert(-2, Dimension(name="cam", count=cameras, type="other"))
    return {**settings, "dimensions": dimensions}


def _count_pages(path: Path) -> int:
    import tifffile

    files = sorted(path.glob("*.tif*")) if path.is_dir() else [path]
    count = 0
    for file in files:
        with tifffile.TiffFile(file) as opened:
            count += len(opened.pages)
    return count


def check_can_keep(path: Path) -> None:
    """Refuse a folder that cannot be written, before a run.

    Raises
    ------
    LiveError
        If it is none, or read-only.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".umis-fusion-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise LiveError(
            f"{path}: cannot be written ({reason_of(error)}). Choose another folder for runs."
        ) from error
