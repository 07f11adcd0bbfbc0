"""The options of a training: one frozen, validated dataclass for command line and widget."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from napari_umis_fusion.config import DeviceName
from napari_umis_fusion.network import Architecture
from napari_umis_fusion.runtime import ConfigBase, choice, number, replace_fields

ObjectiveName = Literal["select", "reconstruct"]
Schedule = Literal["one_cycle", "exponential", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]
Specimen = Literal["any", "opaque", "fluorescence", "transmitted"]
Layers = Literal["all", "late"]
SpatialFrequency = Literal["differences", "published"]

NETWORKS: dict[ObjectiveName, Architecture] = {
    "select": "plane-ranker",
    "reconstruct": "umis-unetplusplus",
}
"""Network of each objective."""

_SELECT = ("objective", ("select",))
_RECONSTRUCT = ("objective", ("reconstruct",))


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
            "Side of a rendered stack ('select').", "px", 32, 1024, label="patch", used_when=_SELECT
        ),
    )
    specimen: Specimen = field(
        default="any",
        metadata=choice(
            Specimen,
            "Kind of rendered stacks ('select'): 'opaque' surfaces that occlude each other, "
            "emitted light that adds up ('fluorescence'), thin objects in transmitted light "
            "('transmitted'), or 'any' of these.",
            used_when=_SELECT,
        ),
    )
    planes: int = field(
        default=0,
        metadata=number(
            "Mean number of planes of the rendered stacks ('select'). 0 draws from 2 to 24.",
            "",
            0,
            190,
            used_when=_SELECT,
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
            used_when=_SELECT,
        ),
    )
    width_px: int = field(
        default=717,
        metadata=number(
            "Width to which images are resized ('reconstruct').",
            "px",
            32,
            8192,
            label="width",
            used_when=_RECONSTRUCT,
        ),
    )
    height_px: int = field(
        default=600,
        metadata=number(
            "Height to which images are resized ('reconstruct').",
            "px",
            32,
            8192,
            label="height",
            used_when=_RECONSTRUCT,
        ),
    )
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
    select_weight: float = field(
        default=1.0,
        metadata=number(
            "Weight of the selection error in the loss ('select').",
            "",
            0.0,
            1e3,
            label="weight of selection",
            used_when=_SELECT,
        ),
    )
    weigh_weight: float = field(
        default=1.5,
        metadata=number(
            "Weight of the weighted mean's error in the loss ('select').",
            "",
            0.0,
            1e3,
            label="weight of mean",
            used_when=_SELECT,
        ),
    )
    false_edge_weight: float = field(
        default=900.0,
        metadata=number(
            "Weight of gradients that no plane has in the loss ('select').",
            "",
            0.0,
            1e6,
            label="weight of false edges",
            used_when=_SELECT,
        ),
    )
    layers: Layers = field(
        default="all",
        metadata=choice(
            Layers,
            "Layers that are trained ('select'): 'all', or the 'late' ones alone, which decide by "
            "the features of the initial weights. A step then takes half the time.",
            used_when=_SELECT,
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
            used_when=_SELECT,
        ),
    )
    mse_weight: float = field(
        default=1.0,
        metadata=number(
            "Weight of the mean squared error in the loss ('reconstruct').",
            "",
            0.0,
            1e3,
            label="weight of squared error",
            used_when=_RECONSTRUCT,
        ),
    )
    ssim_weight: float = field(
        default=3.0,
        metadata=number(
            "Weight of structural similarity in the loss ('reconstruct').",
            "",
            0.0,
            1e3,
            label="weight of SSIM",
            used_when=_RECONSTRUCT,
        ),
    )
    gradient_weight: float = field(
        default=1.0,
        metadata=number(
            "Weight of the gradient error in the loss ('reconstruct').",
            "",
            0.0,
            1e3,
            label="weight of gradient",
            used_when=_RECONSTRUCT,
        ),
    )
    spatial_frequency_weight: float = field(
        default=2.0,
        metadata=number(
            "Weight of the spatial-frequency error in the loss ('reconstruct').",
            "",
            0.0,
            1e3,
            label="weight of frequency",
            used_when=_RECONSTRUCT,
        ),
    )
    spatial_frequency: SpatialFrequency = field(
        default="differences",
        metadata=choice(
            SpatialFrequency,
            "What spatial frequency is computed from ('reconstruct'): the 'differences' of "
            "neighbouring pixels or, as 'published', their values.",
            used_when=_RECONSTRUCT,
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
            used_when=_SELECT,
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
        recipe: dict[str, Any] = {
            "objective": "reconstruct",
            "epochs": 0 if "steps" in options else 80,
            "batch": 8,
            "learning_rate": 1e-4,
            "schedule": "exponential",
            "weight_decay": 5e-4,
            "gradient_clip": 0.0,
            "spatial_frequency": "published",
            "validate_every": 0,
            "precision": "float32",
        }
        return cls(**{**recipe, **options})

    @classmethod
    def fine_tuning(cls, **options: Any) -> Self:
        """Return the recipe that adapts trained weights to a few stacks within minutes."""
        recipe: dict[str, Any] = {
            "steps": 2000,
            "minutes": 15.0,
            "batch": 24,
            "scene_uses": 8,
            "layers": "late",
            "learning_rate": 2e-3,
            # A fusion takes patterns and ill planes off before the network sees them: learning to
            # bear them as well costs what clean stacks could gain.
            "imperfections": 0.0,
            "validation_share": 0.2,
            "test_share": 0.15,
            "validate_every": 200,
        }
        return cls(**{**recipe, **options})

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Return the config with these fields, as `as_dict` returned them.

        Raises
        ------
        ConfigError
            If a field is unknown, or its value out of bounds.
        """
        return replace_fields(cls(), fields)
