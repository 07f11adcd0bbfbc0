from napari_umis_fusion import fuse, open_stack

stack = open_stack("hyperstack.ome.tif", index={"T": 0})
print(stack.shape, stack.dtype, stack.calibration)
result = fuse(stack, channel=0)  # focus measured on channel 0, all channels fused
