from pymmcore_plus.experimental.unicore import UniMMCore

from napari_umis_fusion.live import simulated_configuration

core = UniMMCore()
core.loadSystemConfiguration(simulated_configuration())
core.setProperty("Camera", "Scene", "discs")
picture = core.snap()
print(picture.shape, picture.dtype)
