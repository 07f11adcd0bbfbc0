from napari_umis_fusion.live import (
    FieldFinished,
    FieldUpdated,
    KeepConfig,
    SweepPlan,
    estimate_run,
    iter_acquire,
    simulated_core,
)

core = simulated_core(shape=(128, 128))
plan = SweepPlan(range_by="top_bottom", bottom_um=0, top_um=60, step_um=3, stop_after=4)
print(estimate_run(plan.sequences(), exposure_ms=core.getExposure()))
for event in iter_acquire(core, plan, keep=KeepConfig(folder="runs", name="beads")):
    if isinstance(event, FieldUpdated):  # while the sweep runs
        print(event.picture.planes, "planes,", f"{event.picture.gained:.1%} of the pixels gained")
    elif isinstance(event, FieldFinished):  # as the saved stack would be fused
        print(event.result.all_in_focus.shape, event.notes)
