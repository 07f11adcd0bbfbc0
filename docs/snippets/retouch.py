"""Choose the plane by hand in a part of the image."""

import numpy as np

from napari_umis_fusion import fuse
from napari_umis_fusion.synthetic import make_stack

stack = make_stack("bumps", (120, 160), planes=6).stack
result = fuse(stack, focus_measure="laplacian")

overrides = np.zeros(result.index_map.shape, np.uint16)
overrides[40:60, 70:90] = 2 + 1  # plane 2
mended = result.with_overrides(stack, overrides)

assert (mended.all_in_focus[40:60, 70:90] == stack[2, 40:60, 70:90]).all()
print(mended.provenance["overrides"]["planes"])  # {'2': 400}
