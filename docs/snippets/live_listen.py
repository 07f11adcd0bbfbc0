from napari_umis_fusion.live import FieldFinished, SweepPlan, listen, simulated_core

core = simulated_core(shape=(128, 128))  # or CMMCorePlus.instance(), which others use
(sequence,) = SweepPlan(range_um=20, step_um=4).sequences(centre_um=10)
with listen(core, focus_measure="laplacian", runs=1) as live:
    core.run_mda(sequence)  # in another program: whoever starts a run
    for event in live.events():
        if isinstance(event, FieldFinished):
            print(event.field.name, event.result.all_in_focus.shape)
