"""Project another channel around the surface that the first one shows."""

from napari_umis_fusion import fuse
from napari_umis_fusion.projection import project_around

result = fuse("hyperstack.ome.tif", index={"T": 0, "C": 0})
made = project_around(
    "hyperstack.ome.tif",
    result.depth_map(),
    index={"T": 0, "C": 1},
    never_in_focus=result.never_in_focus(),
    method="mean",
    thickness_um=1.0,
    smooth_um=2.0,
)
print(made.image.shape, f"{made.seen.mean():.0%} of the pixels lie in the stack")
