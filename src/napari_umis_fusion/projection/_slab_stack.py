"""The part of a stack that lies in a slab, for the fusion within it."""

from napari_umis_fusion.projection._slab import Slab
from napari_umis_fusion.runtime import BoolMap
from napari_umis_fusion.stack import Plane, Stack


class SlabStack(Stack):
    """Planes of another stack that show nothing outside of a slab.

    Parameters
    ----------
    stack : Stack
        The whole stack.
    slab : Slab
        Which of its planes count at each pixel; some does.
    """

    def __init__(self, stack: Stack, slab: Slab) -> None:
        self._describe_as(stack)
        self._stack, self._slab, self._planes = stack, slab, slab.planes
        self.shape = (len(self._planes), *stack.shape[1:])
        self.calibration = stack.calibration.of_planes(self._planes)
        # what lies outside of the slab is there all the same
        self.holds_values = all(stack.uncovered(z) is None for z in self._planes)

    def plane(self, z: int) -> Plane:
        """Read plane `z` of the slab."""
        return self._stack.plane(self._planes[z])

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z` of the slab."""
        return self._stack.region(self._planes[z], rows, columns)

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        """Return where plane `z` lies outside of the slab, or shows nothing."""
        plane = self._planes[z]
        missing = self._stack.uncovered(plane, rows, columns)
        outside = ~self._slab.holds(plane)[rows, columns]
        if missing is not None:
            outside |= missing
        return outside if outside.any() else None
