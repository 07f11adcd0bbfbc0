from napari_umis_fusion.live import PropertyStage, simulated_core

core = simulated_core()
lens = PropertyStage(core, "Camera", "Offset", um_per_unit=0.5, zero=100, settle_ms=15)
core.loadPyDevice("Lens", lens)
core.initializeDevice("Lens")
core.setFocusDevice("Lens")
core.setPosition(20.0)
core.waitForDevice("Lens")
print(core.getPosition(), "µm by", core.getProperty("Camera", "Offset"))
