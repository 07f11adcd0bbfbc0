from useq import AxesBasedAF, MDASequence, ZRangeAround

from napari_umis_fusion.live import AutofocusConfig, LiveEngine, simulated_core

core = simulated_core("bumps", shape=(256, 256))
engine = LiveEngine(core, AutofocusConfig(range_um=60), use_hardware_sequencing=False)
core.mda.set_engine(engine)
plan = MDASequence(
    time_plan={"interval": 0, "loops": 2},
    z_plan=ZRangeAround(range=8, step=2),
    autofocus_plan=AxesBasedAF(axes=("t",)),  # at each time point
)
core.mda.run(plan)  # core.run_mda(plan) runs it in a thread
print([round(found.height_um, 1) for found in engine.autofocus_log])
