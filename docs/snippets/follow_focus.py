import numpy as np

from napari_umis_fusion.layers import substack_layer

movie = np.random.default_rng(0).integers(0, 4000, (6, 9, 48, 64), np.uint16)
found = substack_layer((movie, {"name": "movie", "axis_labels": ("t", "z", "y", "x")}), around=1)
for data, attributes, kind in found.layers:
    print(attributes["name"], data.shape, kind)
for position, track in found.tracks.items():
    print(position, track.measured, track.smooth, track.outliers, found.first_planes[position])
