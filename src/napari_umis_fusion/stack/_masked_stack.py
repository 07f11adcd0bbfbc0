"""A stack whose planes tell where nothing was recorded: by their opacity, or by a value."""

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import BoolMap
from napari_umis_fusion.stack._stack import Lighting, Plane, Stack

if TYPE_CHECKING:
    from napari_umis_fusion.preprocess import GreyRange

OPACITY = 3
"""Place of the opacity among the samples of a colour."""

MIN_CLEAR = 0.5
"""Share of pixels that an opacity makes wholly visible or wholly invisible; a fourth channel of a
microscope has few at the top of the range."""


class MaskedStack(Stack):
    """All of another stack, and where its planes show nothing.

    Parameters
    ----------
    stack : Stack
        As recorded.
    has_opacity : bool
        Whether the fourth sample is the opacity: below half of the highest, nothing is there.
    empty : float or None
        A value in all channels that stands for nothing where it reaches the border of a plane.
    """

    def __init__(self, stack: Stack, *, has_opacity: bool, empty: float | None) -> None:
        self._describe_as(stack)
        self.stack, self.has_opacity, self._empty = stack, has_opacity, empty
        self.alignment, self.window = stack.alignment, stack.window
        self.is_arriving = stack.is_arriving
        self._latest: tuple[int, BoolMap | None] | None = None

    def plane(self, z: int) -> Plane:
        """Read plane `z`."""
        plane = self.stack.plane(z)
        # A caller asks for both, one after the other; files should be read once.
        self._latest = z, self._missing_of(plane)
        return plane

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`."""
        return self.stack.region(z, rows, columns)

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        """Return where plane `z` shows nothing, as all of it tells; see `Stack.uncovered`."""
        latest, known = self._latest, self.stack.uncovered(z, rows, columns)
        if latest is None or latest[0] != z:
            latest = z, self._missing_of(self.stack.plane(z))
        own = None if latest[1] is None else latest[1][rows, columns]
        masks = [mask for mask in (known, own) if mask is not None]
        return np.logical_or.reduce(masks) if masks else None

    def lighting(
        self, grey_range: "GreyRange", rows: slice = slice(None), columns: slice = slice(None)
    ) -> Lighting | None:
        """Return the correction of illumination; see `Stack.lighting`."""
        return self.stack.lighting(grey_range, rows, columns)

    def _missing_of(self, plane: Plane) -> BoolMap | None:
        missing = np.zeros(plane.shape[:2], np.bool_)
        if self.has_opacity:
            opacity = plane[..., OPACITY]
            missing |= opacity < max(float(opacity.max()) / 2, np.finfo(np.float32).tiny)
        if self._empty is not None:
            colours = plane[..., :OPACITY] if self.has_opacity else plane
            is_empty = colours == self._empty
            missing |= _at_border(is_empty if is_empty.ndim == 2 else is_empty.all(axis=-1))
        return missing if missing.any() else None


def mask_stack(stack: Stack, empty: float | None) -> Stack:
    """Return a stack that knows where its planes show nothing; itself if nothing tells.

    Parameters
    ----------
    stack : Stack
        As recorded; of a stack with four samples per colour up to three planes are read.
    empty : float or None
        As in `MaskedStack`.

    Raises
    ------
    ConfigError
        If no pixel can have the value.
    """
    if isinstance(stack, MaskedStack):
        return stack
    _check_empty(stack.dtype, empty)
    has_opacity = _has_opacity(stack)
    if not has_opacity and empty is None:
        return stack
    return MaskedStack(stack, has_opacity=has_opacity, empty=empty)


def _check_empty(dtype: np.dtype[Any], empty: float | None) -> None:
    """Refuse a value that the planes cannot hold, as nothing would be left out without a word."""
    if empty is None or dtype.kind not in "iub":
        return
    lowest, highest = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not lowest <= empty <= highest or empty != int(empty):
        raise ConfigError(
            f"empty={empty:g}, but the planes are {dtype}; accepted are whole numbers from "
            f"{lowest} to {highest}, or None."
        )


def _has_opacity(stack: Stack) -> bool:
    """Whether the fourth sample tells what is there, not the light of a fourth channel."""
    if not stack.rgb or len(stack.shape) != 4 or stack.shape[3] != OPACITY + 1:
        return False
    samples = [stack.plane(z)[..., OPACITY] for z in sorted({0, len(stack) // 2, len(stack) - 1})]
    top = max(float(sample.max()) for sample in samples)
    if stack.dtype.kind not in "fiu" or top not in _tops(stack.dtype):
        return False
    clear = np.mean([np.mean((sample == 0) | (sample == top)) for sample in samples])
    return bool(clear >= MIN_CLEAR)


def _tops(dtype: np.dtype[Any]) -> tuple[float, ...]:
    """Return values that stand for wholly visible; some write 8 bits into more."""
    return (1.0, 255.0) if dtype.kind == "f" else (255.0, float(np.iinfo(dtype).max))


def _at_border(mask: BoolMap) -> BoolMap:
    """Return the parts of a mask that reach the border."""
    from scipy.ndimage import label

    if not mask.any():
        return mask
    parts, count = label(mask)
    edges = (parts[0], parts[-1], parts[:, 0], parts[:, -1])
    reaches = np.zeros(count + 1, np.bool_)
    reaches[np.concatenate(edges)] = True
    reaches[0] = False
    return np.asarray(reaches[parts])
