"""Files of microscope programs as stacks, by bioio."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._axis_roles import AxisRoles, choose_axes
from napari_umis_fusion.files.read._bioio_scene import BioioScene, is_along_z, open_scene
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._tiff import split_index
from napari_umis_fusion.stack import Plane, Stack, check_stack


class BioioStack(Stack):
    """A stack in a file that bioio reads, plane by plane.

    Parameters
    ----------
    scene : BioioScene
        The scene.
    roles : AxisRoles
        What each of its axes is.
    """

    def __init__(self, scene: BioioScene, roles: AxisRoles) -> None:
        self._scene, self._roles, sizes = scene, roles, scene.sizes
        planes = 1 if roles.z is None else sizes[roles.z]
        channels = () if roles.channel is None else (sizes[roles.channel],)
        self.shape = (planes, sizes["Y"], sizes["X"], *channels)
        self.dtype, self.sources = scene.dtype, (str(scene.path.absolute()),)
        check_stack(self.shape, self.dtype, has_named_channels=roles.channel is not None)
        self.rgb = roles.channel == "S" and scene.colour
        self.calibration = scene.calibration
        if not is_along_z(roles.z):
            self.calibration = replace(scene.calibration, z_step_um=None)
        names, chosen = scene.channel_names, roles.fixed.get("C", 0)
        if roles.channel == "C":
            self.channel_names = names
        elif roles.channel is None:
            self.channel_names = names[chosen : chosen + 1]

    def plane(self, z: int) -> Plane:
        """Read plane `z`."""
        return self.region(z, slice(None), slice(None))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`; how much of the file that takes depends on its format."""
        if not 0 <= z < len(self):
            raise IndexError(f"plane {z} is outside 0 to {len(self) - 1}")
        picks = dict(self._roles.fixed)
        if self._roles.z is not None:
            picks[self._roles.z] = z
        return self._scene.read(picks, self._roles.channel, rows, columns)


def open_bioio(
    path: Path, *, z_axis: str | None = None, index: Mapping[str, int] | None = None
) -> BioioStack:
    """Open a file of a microscope program as a stack; no plane is read.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    z_axis : str, optional
        Axis to use as z.
    index : mapping of str to int, optional
        The index to select of an axis; ``"series"`` selects the scene.

    Raises
    ------
    StackFileError
        If bioio or its plugin is missing, the file is broken, or axes are ambiguous.
    """
    number, wanted = split_index(index)
    scene = open_scene(path, number)
    with naming_read_errors(path):
        return BioioStack(scene, _roles(scene, z_axis, wanted))


def describe_scene(path: Path) -> dict[str, Any]:
    """Return what a file holds; see `describe_file`."""
    choose = None
    try:
        scene = open_scene(path, None)
    except StackFileError as error:
        scene, choose = open_scene(path, 0), str(error)  # raises again unless scenes are several
    roles = None
    try:
        roles = _roles(scene, None, {})
    except StackFileError as error:
        choose = choose or str(error)
    sizes = scene.sizes
    told: dict[str, Any] = {"planes": None, "channels": None, "colour": False, "choose": choose}
    if choose is None and roles is not None:
        told = {
            "planes": sizes.get(roles.z or "", 1),
            "channels": sizes.get(roles.channel or "", 1),
            "colour": scene.colour and roles.channel == "S",
        }
    return {
        "scene": scene,
        "series": scene.count,
        **({"channel_names": list(scene.channel_names)} if scene.channel_names else {}),
        **told,
    }


def _roles(scene: BioioScene, z_axis: str | None, index: Mapping[str, int]) -> AxisRoles:
    return choose_axes(scene.sizes, z_axis=z_axis, index=index, is_colour=scene.colour)
