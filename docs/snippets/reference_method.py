from napari_umis_fusion import FusionConfig, fuse

result = fuse("planes/", FusionConfig.reference("weights.pth"))
print(result.provenance)
