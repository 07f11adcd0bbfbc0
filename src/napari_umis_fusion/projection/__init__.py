"""Project stacks, labels and points along a depth map, and back.

A depth map says where the surface of a specimen lies. `project_around` flattens any other stack of
the same place around it: it takes the planes in a slab that follows the surface, at an offset if
wanted. `lift_labels` and `labels_along` carry labels from the image onto the surface and back,
`depth_at` gives points their depth. The surface may be smoothed first, by `smooth_depth`.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
