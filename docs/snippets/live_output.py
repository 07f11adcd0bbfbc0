from useq import MDASequence

from napari_umis_fusion.live import LiveFusion, simulated_core

core = simulated_core(shape=(128, 128))
sequence = MDASequence(
    z_plan={"top": 24, "bottom": 0, "step": 4},
    time_plan={"interval": 0.1, "loops": 2},
    axis_order="tz",
    keep_shutter_open_across=("z",),
)
live = LiveFusion(focus_measure="laplacian")
core.run_mda(sequence, output=[live, "time-lapse.ome.zarr"])
for field, result in live.results().items():
    print(field.name, result.depth_map().max(), "µm")
