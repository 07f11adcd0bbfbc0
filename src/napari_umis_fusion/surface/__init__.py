"""Measure and export the surface that a depth map shows: roughness, profiles, steps, meshes.

A `HeightMap` is a depth map as heights, without what was never in focus. Everything in
this room works on it: `remove_form` and `filtered` prepare it, `roughness` summarises it in the
parameters of ISO 25178-2, `profile_along`, `step_height`, `surface_area` and `contours` measure it,
`mesh_of` and `write_surface` hand it to other programs.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
