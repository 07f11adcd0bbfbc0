"""Presets of a training; each sets all options of the config."""

from napari_umis_fusion.training import TrainingConfig

FREE = {"seed": 0, "device": "auto", "threads": 0, "specimen": "any", "planes": 0}
"""Fields that depend on the machine or the data, and belong to no preset."""

FINE_TUNE = "fine-tune (minutes)"
TRAIN = "train (hours)"
PUBLISHED = "published method (hours)"
OWN = "custom"

TEST_SHARE = 0.15
"""Share of the images on which the widget compares the result with the initial weights."""

PRESETS: dict[str, TrainingConfig] = {
    FINE_TUNE: TrainingConfig.fine_tuning(),
    TRAIN: TrainingConfig(test_share=TEST_SHARE),
    PUBLISHED: TrainingConfig.reference(test_share=TEST_SHARE, batch=2, precision="auto"),
}
"""The config of each preset."""

DESCRIPTIONS = {
    FINE_TUNE: "Adapts trained weights to your samples.",
    TRAIN: "Trains the network of 'learned' from many images.",
    PUBLISHED: "Trains the UMIS network as published, in batches of 2, which fit a laptop.",
    OWN: "The options below, changed by you.",
}


def preset_of(config: TrainingConfig) -> str:
    """Return the name of the preset with these options, or `OWN`."""
    for name, preset in PRESETS.items():
        if config.replace(**FREE) == preset.replace(**FREE):
            return name
    return OWN
