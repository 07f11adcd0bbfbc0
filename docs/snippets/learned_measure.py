from napari_umis_fusion import fuse

result = fuse("planes/", focus_measure="learned", device="auto")
print(result.provenance["device"], result.provenance["weights_sha256"][:8])
