from napari_umis_fusion import TrainingConfig, train
from napari_umis_fusion.training import Compared, TrainingData, load_config, save_config

tiny = {"steps": 4, "validate_every": 2, "batch": 8, "patch_px": 32}  # a try: seconds
save_config("training.json", TrainingConfig.fine_tuning(specimen="opaque", planes=3, **tiny))

data = TrainingData(images=["photographs/"], stacks=["stacks/beetle"])
for event in train(data, load_config("training.json"), start="mine.safetensors"):
    if isinstance(event, Compared):
        print(f"{event.comparison.gain_db:+.2f} dB: {event.comparison.verdict}")
