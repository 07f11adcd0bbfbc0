from napari_umis_fusion import FusionConfig, fuse

config = FusionConfig(focus_measure="tenengrad", window_sigma_px=3.0)
first = fuse("planes/", config)
second = fuse("planes/", config, blend="select")  # one option on top
print(second.config)
