"""A frame around a layer that is shown for a while, such as a preview."""

from typing import Any

LOOK = {"points": False, "line_color": "yellow", "line_thickness": 2, "visible": True}


def frame(layer: Any) -> None:
    """Draw a frame around a layer."""
    layer.bounding_box.update(LOOK)
