"""The options of a training: one frozen, validated dataclass for command line and widget."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from napari_umis_fusion.config import DeviceName
from napari_umis_fusion.runtime import ConfigBase, choice, number, replace_fields
from napari_umis_fusion.training._options import (
    RECONSTRUCT,
    SELECT,
    Layers,
    ObjectiveName,
    Precision,
    Schedule,
    SpatialFrequency,
    Specimen,
    size,
    weight,
)
from napari_umis_fusion.training._recipes import FINE_TUNING, PUBLISHED


@dataclass(frozen=True, slots=True)
class TrainingConfig(ConfigBase):
    """How a network is trained.

    Default, unit, bounds and help of each field stand in its metadata.

    Raises
    ------
    ConfigError
        For a value outside its choices or bounds.
    """

    objective: ObjectiveName = field(
        default="select",
        metadata=choice(
            ObjectiveName,
            "What the network learns. 'select' learns from rendered stacks which plane is sharp, "
            "'reconstruct' learns to rebuild single images, as UMIS-Fusion was published.",
        ),
    )
    steps: int = field(
        default=10_000,
        metadata=number(
            "Number of updates of the weights.", "", 1, 100_000_000, used_when=("epochs", (0,))
        ),
    )
    epochs: int = field(
        default=0,
        metadata=number(
            "Number of passes over the images, instead of steps. 0 counts steps.", "", 0, 100_000
        ),
    )
    minutes: float = field(
        default=0.0,
        metadata=number(
            "Time after which training should have ended. If this machine would take longer, as "
            "is measured before the first step, there are fewer steps. 0 does not limit it.",
            "min",
            0.0,
            100_000.0,
            label="time limit",
            used_when=("epochs", (0,)),
        ),
    )
    batch: int = field(
        default=36,
        metadata=number("Planes ('select') or images ('reconstruct') per step.", "", 1, 4096),
    )
    patch_px: int = field(
        default=128,
        metadata=number(
            "Side of a rendered stack ('select').", "px", 32, 1024, label="patch", used_when=SELECT
        ),
    )
    specimen: Specimen = field(
        default="any",
        metadata=choice(
            Specimen,
            "Kind of rendered stacks ('select'): 'opaque' surfaces that occlude each other, "
            "emitted light that adds up ('fluorescence'), thin objects in transmitted light "
            "('transmitted'), or 'any' of these.",
            used_when=SELECT,
        ),
    )
    planes: int = field(
        default=0,
        metadata=number(
            "Mean number of planes of the rendered stacks ('select'). 0 draws from 2 to 24.",
            "",
            0,
            190,
            used_when=SELECT,
        ),
    )
    scene_uses: int = field(
        default=1,
        metadata=number(
            "Steps that use each rendered scene ('select'), every time mirrored or rotated, with "
            "another camera and lamp. More take less time, and show fewer scenes.",
            "",
            1,
            100,
            used_when=SELECT,
        ),
    )
    width_px: int = size(717, "width")
    height_px: int = size(600, "height")
    learning_rate: float = field(
        default=2.5e-3, metadata=number("Highest learning rate of AdamW.", "", 1e-8, 1.0)
    )
    schedule: Schedule = field(
        default="one_cycle",
        metadata=choice(
            Schedule,
            "How the learning rate changes. 'one_cycle' warms up and then falls to zero along a "
            "cosine, 'exponential' multiplies it by decay after each epoch, 'constant' keeps "
            "it.",
        ),
    )
    decay: float = field(
        default=0.9,
        metadata=number(
            "Factor by which 'exponential' multiplies the learning rate after each epoch.",
            "",
            0.01,
            1.0,
            label="decay per epoch",
            used_when=("schedule", ("exponential",)),
        ),
    )
    warmup_share: float = field(
        default=0.05,
        metadata=number(
            "Share of the steps during which 'one_cycle' raises the learning rate.",
            "",
            0.0,
            0.9,
            used_when=("schedule", ("one_cycle",)),
        ),
    )
    weight_decay: float = field(
        default=1e-2,
        metadata=number(
            "Weight decay of AdamW: how strongly the weights are pulled towards zero.",
            "",
            0.0,
            10.0,
        ),
    )
    gradient_clip: float = field(
        default=5.0,
        metadata=number("Largest norm of the gradient. 0 does not clip it.", "", 0.0, 1e6),
    )
    select_weight: float = weight(1.0, "the selection error", "weight of selection", SELECT)
    weigh_weight: float = weight(1.5, "the weighted mean's error", "weight of mean", SELECT)
    false_edge_weight: float = weight(
        900.0, "gradients that no plane has", "weight of false edges", SELECT, high=1e6
    )
    layers: Layers = field(
        default="all",
        metadata=choice(
            Layers,
            "Layers that are trained ('select'): 'all', or the 'late' ones alone, which decide by "
            "the features of the initial weights. A step then takes half the time.",
            used_when=SELECT,
        ),
    )
    keep_weight: float = field(
        default=0.0,
        metadata=number(
            "Weight of the difference from the scores of the initial weights in the loss "
            "('select'), so that they forget less of what your images do not show. 0 forgets "
            "freely, 8 keeps most.",
            "",
            0.0,
            1e3,
            label="weight of initial scores",
            used_when=SELECT,
        ),
    )
    mse_weight: float = weight(
        1.0, "the mean squared error", "weight of squared error", RECONSTRUCT
    )
    ssim_weight: float = weight(3.0, "structural similarity", "weight of SSIM", RECONSTRUCT)
    gradient_weight: float = weight(1.0, "the gradient error", "weight of gradient", RECONSTRUCT)
    spatial_frequency_weight: float = weight(
        2.0, "the spatial-frequency error", "weight of frequency", RECONSTRUCT
    )
    spatial_frequency: SpatialFrequency = field(
        default="differences",
        metadata=choice(
            SpatialFrequency,
            "What spatial frequency is computed from ('reconstruct'): the 'differences' of "
            "neighbouring pixels or, as 'published', their values.",
            used_when=RECONSTRUCT,
        ),
    )
    augmentation: float = field(
        default=1.0,
        metadata=number(
            "How often rendered stacks receive noise, illumination drift, flicker, shake and "
            "compression ('select'), or images are flipped ('reconstruct'). 1 is the usual "
            "rate, 0 is never.",
            "",
            0.0,
            1.0,
        ),
    )
    imperfections: float = field(
        default=1.0,
        metadata=number(
            "How often rendered stacks are imperfect ('select'): patterns that stand still on the "
            "sensor, specks, blank, torn and differently exposed planes, bands, blocks of "
            "compression, phase objects, crowded scenes, wide blur. 1 is the usual rate, 0 is "
            "never.",
            "",
            0.0,
            1.0,
            used_when=SELECT,
        ),
    )
    validation_share: float = field(
        default=0.1, metadata=number("Share of the images in the validation set.", "", 0.0, 0.9)
    )
    test_share: float = field(
        default=0.0,
        metadata=number(
            "Share of the images in the test set, which neither training nor validation sees. The "
            "result is compared with the initial weights on it. 0 skips the comparison.",
            "",
            0.0,
            0.5,
        ),
    )
    validate_every: int = field(
        default=250,
        metadata=number(
            "Steps between validations. 0 validates after each pass over the images.",
            "",
            0,
            1_000_000,
        ),
    )
    patience: int = field(
        default=0,
        metadata=number(
            "Number of validations without improvement after which training stops. 0 never stops "
            "early.",
            "",
            0,
            1e6,
        ),
    )
    seed: int = field(default=0, metadata=number("Random seed of every draw.", "", 0, 2**31 - 1))
    device: DeviceName = field(
        default="auto", metadata=choice(DeviceName, "Device on which the network is trained.")
    )
    precision: Precision = field(
        default="auto",
        metadata=choice(
            Precision,
            "Number format of the computation. 'auto' uses bfloat16 where "
            "the device computes it natively, and float32 elsewhere.",
        ),
    )
    threads: int = field(
        default=0,
        metadata=number("Number of CPU threads. 0 uses one per processor core.", "", 0, 256),
    )

    @classmethod
    def reference(cls, **options: Any) -> Self:
        """Return the published recipe of UMIS-Fusion: 80 epochs of batches of 8 images.

        If `options` has steps, they replace the epochs.
        """
        # Steps replace the epochs.
        epochs = {"epochs": 0} if "steps" in options else {}
        return cls(**{**PUBLISHED, **epochs, **options})

    @classmethod
    def fine_tuning(cls, **options: Any) -> Self:
        """Return the recipe that adapts trained weights to a few stacks within minutes."""
        return cls(**{**FINE_TUNING, **options})

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Return the config with these fields, as `as_dict` returned them.

        Raises
        ------
        ConfigError
            If a field is unknown, or its value out of bounds.
        """
        return replace_fields(cls(), fields)
