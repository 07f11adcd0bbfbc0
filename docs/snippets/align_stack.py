from napari_umis_fusion import fuse

result = fuse("planes/", align="auto")
print(result.alignment.summary())
for plane in result.alignment.planes:
    print(plane.z, plane.is_moved, f"{plane.scale:.4f}", plane.why)

result.alignment.save("transforms.csv")
again = fuse("planes/", transforms="transforms.csv")
