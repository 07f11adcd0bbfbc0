"""How to train: one frozen, validated dataclass that the command line and the dock read."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from napari_umis_fusion.config import DeviceName
from napari_umis_fusion.fields import check_fields, choice, number, replaced
from napari_umis_fusion.network.architectures import Architecture

Objective = Literal["select", "reconstruct"]
Schedule = Literal["one_cycle", "exponential", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]
Specimen = Literal["any", "opaque", "fluorescence", "transmitted"]
SpatialFrequency = Literal["differences", "published"]

NETWORKS: dict[Objective, Architecture] = {
    "select": "plane-ranker",
    "reconstruct": "umis-unetplusplus",
}
"""Which network each objective trains."""

_SELECT = ("objective", ("select",))
_RECONSTRUCT = ("objective", ("reconstruct",))


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How a network is trained.

    Default, unit, bounds and help of each field stand in its metadata.

    Raises
    ------
    ConfigError
        For a value outside its choices or bounds.
    """

    objective: Objective = field(
        default="select",
        metadata=choice(
            Objective,
            "'select' learns from rendered stacks which plane is sharp; 'reconstruct' learns to "
            "rebuild single images, as UMIS-Fusion was published",
        ),
    )
    steps: int = field(
        default=10_000,
        metadata=number("updates of the weights", "", 1, 100_000_000, used_when=("epochs", (0,))),
    )
    epochs: int = field(
        default=0,
        metadata=number("passes over the images, instead of steps; 0: count steps", "", 0, 100_000),
    )
    batch: int = field(
        default=36,
        metadata=number("planes ('select') or images ('reconstruct') in a step", "", 1, 4096),
    )
    patch_px: int = field(
        default=128,
        metadata=number(
            "side of a rendered stack ('select')", "px", 32, 1024, label="patch", used_when=_SELECT
        ),
    )
    specimen: Specimen = field(
        default="any",
        metadata=choice(
            Specimen,
            "kind of rendered stacks ('select'): 'opaque' surfaces that hide each other, light "
            "that adds up as in 'fluorescence', thin objects in 'transmitted' light, or 'any'",
            used_when=_SELECT,
        ),
    )
    planes: int = field(
        default=0,
        metadata=number(
            "planes of rendered stacks, on average ('select'); 0: from 2 to 24",
            "",
            0,
            190,
            used_when=_SELECT,
        ),
    )
    width_px: int = field(
        default=717,
        metadata=number(
            "images are resized to ('reconstruct')",
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
            "images are resized to ('reconstruct')",
            "px",
            32,
            8192,
            label="height",
            used_when=_RECONSTRUCT,
        ),
    )
    learning_rate: float = field(
        default=2.5e-3, metadata=number("highest step size of AdamW", "", 1e-8, 1.0)
    )
    schedule: Schedule = field(
        default="one_cycle",
        metadata=choice(
            Schedule,
            "'one_cycle' warms up and falls to nothing along a cosine; 'exponential' shrinks by "
            "decay after each epoch; 'constant' stays",
        ),
    )
    decay: float = field(
        default=0.9,
        metadata=number(
            "of the learning rate in each epoch",
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
            "of the steps, in which 'one_cycle' rises",
            "",
            0.0,
            0.9,
            used_when=("schedule", ("one_cycle",)),
        ),
    )
    weight_decay: float = field(
        default=1e-2, metadata=number("pull of the weights towards zero", "", 0.0, 10.0)
    )
    gradient_clip: float = field(
        default=5.0, metadata=number("longest gradient; 0: any", "", 0.0, 1e6)
    )
    select_weight: float = field(
        default=1.0,
        metadata=number(
            "of the error of the selection",
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
            "of the error of the weighted mean",
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
            "of gradients that no plane has",
            "",
            0.0,
            1e6,
            label="weight of false edges",
            used_when=_SELECT,
        ),
    )
    mse_weight: float = field(
        default=1.0,
        metadata=number(
            "of the squared error ('reconstruct')",
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
            "of structural similarity ('reconstruct')",
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
            "of gradients ('reconstruct')",
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
            "of spatial frequency ('reconstruct')",
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
            "of neighbours' differences, or, as published, of their values",
            used_when=_RECONSTRUCT,
        ),
    )
    augmentation: float = field(
        default=1.0,
        metadata=number(
            "how often rendered stacks get noise, drifting light, flicker, shake and compression "
            "('select'), or images are flipped ('reconstruct'); 1: as usual, 0: never",
            "",
            0.0,
            1.0,
        ),
    )
    validation_share: float = field(
        default=0.1, metadata=number("of the images, kept from training", "", 0.0, 0.9)
    )
    test_share: float = field(
        default=0.0,
        metadata=number(
            "of the images, seen neither by training nor by validation, on which the outcome is "
            "compared with the start; 0: do not compare",
            "",
            0.0,
            0.5,
        ),
    )
    validate_every: int = field(
        default=250,
        metadata=number(
            "steps from one validation to the next; 0: a pass over the images", "", 0, 1_000_000
        ),
    )
    patience: int = field(
        default=0,
        metadata=number(
            "validations without gain after which training stops; 0: never", "", 0, 1e6
        ),
    )
    seed: int = field(default=0, metadata=number("of every random choice", "", 0, 2**31 - 1))
    device: DeviceName = field(
        default="auto", metadata=choice(DeviceName, "where the network is trained")
    )
    precision: Precision = field(
        default="auto",
        metadata=choice(Precision, "'auto' takes bfloat16 where the device computes it natively"),
    )
    threads: int = field(
        default=0, metadata=number("threads to compute with; 0: one for each core", "", 0, 256)
    )

    def __post_init__(self) -> None:
        """Check every field against its metadata."""
        check_fields(self)

    @classmethod
    def reference(cls, **options: Any) -> Self:
        """Return the published recipe of UMIS-Fusion: 80 epochs of batches of 8 images.

        Where `options` has steps, these are made instead of epochs.
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
        """Return what adapts trained weights to a few stacks within minutes."""
        recipe: dict[str, Any] = {
            "steps": 2000,
            "learning_rate": 1e-3,
            "validation_share": 0.2,
            "test_share": 0.15,
            "validate_every": 200,
        }
        return cls(**{**recipe, **options})

    def replace(self, **options: Any) -> Self:
        """Return a copy with some fields changed; raises `ConfigError` for unknown ones."""
        return replaced(self, options)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of JSON values."""
        return asdict(self)
