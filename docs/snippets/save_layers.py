from napari_umis_fusion import fuse_layer, read_layers, write_series

layers = read_layers("hyperstack.ome.tif")  # one for each channel
made = fuse_layer(layers, focus_measure="laplacian", channel=0)
print(write_series("fused.ome.tif", made))
