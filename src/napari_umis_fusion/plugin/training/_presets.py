"""Presets, each of which sets all that a training's config says."""

from napari_umis_fusion.training import TrainingConfig

FREE = {"seed": 0, "device": "auto", "threads": 0, "specimen": "any", "planes": 0}
"""Fields that belong to the machine or the data, and to no preset."""

FINE_TUNE = "fine-tune (minutes)"
TRAIN = "train (hours)"
PUBLISHED = "published method (hours)"
OWN = "my own"

TEST_SHARE = 0.15
"""Of the images, on which the dock compares the result with the initial weights."""

PRESETS: dict[str, TrainingConfig] = {
    FINE_TUNE: TrainingConfig.fine_tuning(),
    TRAIN: TrainingConfig(test_share=TEST_SHARE),
    PUBLISHED: TrainingConfig.reference(test_share=TEST_SHARE, batch=2, precision="auto"),
}
"""What each sets."""

EXPLAINED = {
    FINE_TUNE: "Adapts trained weights to your samples: a few hundred gentle steps.",
    TRAIN: "Trains the network of 'learned' anew, from many images.",
    PUBLISHED: "Trains the UMIS network as published, in batches of 2 that a laptop can hold.",
    OWN: "What the rows below say.",
}


def preset_of(config: TrainingConfig) -> str:
    """Return the name of the preset that sets just this, or `OWN`."""
    for name, preset in PRESETS.items():
        if config.replace(**FREE) == preset.replace(**FREE):
            return name
    return OWN
