import dask.array as da

from napari_umis_fusion import fuse

stack = da.from_npy_stack("npy-stack")  # (Z, Y, X); nothing is read yet
result = fuse(stack)  # reads plane after plane
