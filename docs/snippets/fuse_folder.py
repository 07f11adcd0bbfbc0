from napari_umis_fusion import fuse, write_image

result = fuse("planes/")
write_image("all-in-focus.tif", result.all_in_focus, rgb=result.rgb)
