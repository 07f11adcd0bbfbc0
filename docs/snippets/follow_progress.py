from napari_umis_fusion import Finished, Progress, Started, iter_fuse

for event in iter_fuse("planes/"):
    match event:
        case Started():
            print("shape", event.shape)
        case Progress():
            print(f"{event.stage}: {event.done} of {event.total} planes")
        case Finished():
            result = event.result
