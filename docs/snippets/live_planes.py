from napari_umis_fusion.live import LiveFusion
from napari_umis_fusion.synthetic import make_stack

live = LiveFusion()
for z, plane in enumerate(make_stack("bumps", (96, 96), planes=5).stack):
    live.add(plane, {"z": z}, z_um=0.5 * z)  # from any thread
live.finish()
(result,) = live.results().values()
print(result.depth_map().max(), "µm")
