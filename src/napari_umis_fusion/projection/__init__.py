"""Project stacks, labels and points along a depth map, and back.

A depth map says where the surface of a specimen lies. `project_around` flattens any other stack of
the same place around it: it takes the planes in a slab that follows the surface, at an offset if
wanted. The surface may be smoothed first, by `smooth_depth`; `slab_of` tells which planes lie
around it. Layers of any axes, labels and points are carried along it in `layers`.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
