"""How layers that the plugin makes come into the viewer."""

BETWEEN_LAYERS_MS = 15
"""Time for the window to draw a layer before the next is added."""

PLACES = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""Attributes that tell where a layer lies."""
