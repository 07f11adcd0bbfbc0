import time

from napari_umis_fusion import Finished, iter_fuse

deadline = time.monotonic() + 60  # seconds
result = None
events = iter_fuse("planes/")
for event in events:
    if isinstance(event, Finished):
        result = event.result
    if time.monotonic() > deadline:
        events.close()  # at once, nothing left behind
        break
