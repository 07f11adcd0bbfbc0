"""An axis that counts: planes, or steps."""

import qtpy.QtWidgets  # noqa: F401

# isort: split
import pyqtgraph as pg  # takes the Qt binding that is loaded by now: that of qtpy


class WholeAxis(pg.AxisItem):
    """Has no ticks between whole numbers where it counts."""

    is_whole = False

    def tickSpacing(  # noqa: N802
        self,
        minVal: float,  # noqa: N803
        maxVal: float,  # noqa: N803
        size: float,
    ) -> list[tuple[float, float]]:
        """Return (spacing, offset) of each level of ticks."""
        levels: list[tuple[float, float]] = super().tickSpacing(minVal, maxVal, size)
        if not self.is_whole:
            return levels
        return [level for level in levels if level[0] >= 1] or [(1.0, 0.0)]
