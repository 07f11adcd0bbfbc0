from napari_umis_fusion import fuse

front = fuse("planes", prefer=-1)  # plane 0 is nearest to the lens
back = fuse("planes", prefer=1)
