import numpy as np

from napari_umis_fusion import fuse

stack = np.load("stack.npy")  # (Z, Y, X) or (Z, Y, X, C)
result = fuse(stack)
print(result.all_in_focus.shape, result.all_in_focus.dtype)
