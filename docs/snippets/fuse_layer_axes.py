import numpy as np

from napari_umis_fusion import LayerPlan, fuse_layer

stack = np.random.default_rng(0).integers(0, 4000, (3, 2, 6, 64, 80), np.uint16)
attributes = {
    "name": "movie",
    "axis_labels": ("t", "c", "z", "y", "x"),
    "scale": (10, 1, 0.5, 0.1, 0.1),
    "units": ("s", "pixel", "um", "um", "um"),
}
plan = LayerPlan(rows=(0, 48), planes=(1, 4), outputs=("all_in_focus", "depth_map"))
for data, made, kind in fuse_layer((stack, attributes), plan=plan, channel=1):
    print(made["name"], data.shape, made["axis_labels"], kind)
