"""Fuse a z-stack into one all-in-focus image, a depth map and a confidence map.

The steps of a fusion, in order:

1. `_fuse` opens the stack and aligns it if asked to; `_run` runs the passes that `_passes` lists;
2. `_compositor` converts one plane after the other to grey and measures its focus;
3. `_seam_evidence`, `_plane_difference` and `_seams` decide for which pixels the plane is chosen;
4. `_decision` keeps the choice, `_weighted_mean` the blend, in maps of the size of one plane;
5. `_verification` filters the decision map; `_copy_planes` and `_recorded_values` copy values;
6. `_result` and `_provenance` hold the result and how it was made.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
