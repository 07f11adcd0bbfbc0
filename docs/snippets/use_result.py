from napari_umis_fusion import fuse, write_image

result = fuse("hyperstack.ome.tif", index={"T": 0, "C": 0})

depth_um = result.depth_map()  # from the z step in the file
unsure = result.confidence_map < 0.1
empty = result.never_in_focus()
depth_um[empty] = float("nan")

write_image("depth-map.tif", depth_um, calibration=result.calibration)
write_image("index-map.tif", result.index_map, provenance=result.provenance)
print(f"{unsure.mean():.0%} of the pixels are nearly a tie between planes")
for note in result.notes:
    print(note)
