from napari_umis_fusion import train
from napari_umis_fusion.training import CheckpointSaved, train_to_end

options = {"steps": 4, "validate_every": 2, "batch": 8, "patch_px": 32}
events = train("photographs/", state="weights.state", **options)
for event in events:
    if isinstance(event, CheckpointSaved):
        events.close()  # at once, nothing left behind but the state
        break

result = train_to_end("photographs/", state="weights.state", resume=True, **options)
print(result.reason, result.steps_done)  # the same weights as without the interruption
