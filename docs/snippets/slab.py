from napari_umis_fusion import fuse

slab = fuse("planes", planes=(1, 2))
print(slab.index_map.min(), slab.index_map.max(), slab.provenance["planes"])
