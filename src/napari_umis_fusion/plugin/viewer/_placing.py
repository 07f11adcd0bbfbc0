"""How the plugin adds layers to the viewer."""

BETWEEN_LAYERS_MS = 15
"""Pause in which the window draws a layer before the next is added."""

PLACES = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""Attributes of the placement of a layer."""
