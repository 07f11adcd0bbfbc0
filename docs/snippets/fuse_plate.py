from napari_umis_fusion.scale import FieldFailed, FieldFused, iter_fuse_zarr

run = iter_fuse_zarr("plate.zarr", "python.zarr", wells="B03", focus_measure="laplacian")
for event in run:
    if isinstance(event, FieldFused):
        print(event.name, f"{event.never_in_focus:.0%} never in focus", *event.notes)
    elif isinstance(event, FieldFailed):
        print(event.name, event.message)
