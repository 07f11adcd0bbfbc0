from napari_umis_fusion import fuse
from napari_umis_fusion.surface import (
    SurfaceConfig,
    height_map,
    profile_along,
    roughness,
    write_profile,
    write_surface,
)

result = fuse("hyperstack.ome.tif", index={"T": 0, "C": 0})
sizes = result.calibration
surface = height_map(
    result.depth_map(),
    (sizes.pixel_height_um, sizes.pixel_width_um),
    never_in_focus=result.never_in_focus(),
)

found = roughness(surface, SurfaceConfig(form="plane", l_cutoff_um=5.0))
print(f"Sa {found.sa_um:.3g} µm, Sq {found.sq_um:.3g} µm on {found.conditions()}")

profile = profile_along(surface, [(10, 5), (10, 40)])
write_profile("profile.csv", profile)
write_surface("surface.glb", surface, image=result.all_in_focus)
