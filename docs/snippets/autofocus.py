from napari_umis_fusion.live import autofocus, simulated_core

core = simulated_core("bumps")  # or your own: CMMCorePlus.instance()
result = autofocus(core, range_um=60)
print(f"in focus at {result.height_um:.2f} ± {result.uncertainty_um:.2f} µm")
print(f"{result.frames} pictures in {result.seconds:.1f} s", *result.notes)
