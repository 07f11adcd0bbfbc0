from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.presets import PRESETS, Preset, find_preset, save_preset

for preset in PRESETS.values():
    print(preset.name, dict(preset.options), preset.reason)

config = find_preset("thin transmitted").config(blend="select")  # one option on top
result = fuse("planes/", config)

mine = Preset.of(FusionConfig(window_sigma_px=6.0), "my beads", reason="They are large.")
print(save_preset(mine, "my-beads.json"))
