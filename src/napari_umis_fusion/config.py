"""How to fuse: one frozen, validated dataclass that the CLI and the widget are generated from."""

from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fields import check_choice, check_field, choice, is_int, number, replaced

FocusMeasureName = Literal[
    "laplacian",
    "spatial_frequency",
    "tenengrad",
    "variance",
    "sum_modified_laplacian",
    "learned",
    "umis",
]
Verification = Literal["seams", "mode", "fuzzy", "none"]
Blend = Literal["select", "weighted"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
NanPolicy = Literal["raise", "ignore"]
ChannelRule = Literal["auto", "luminance", "mean", "max"]
AlignMode = Literal["none", "auto", "translation", "similarity", "affine"]
AlignBorder = Literal["crop", "mask"]
LightCorrection = Literal["auto", "none", "measure", "output"]

NETWORK_MEASURES: tuple[FocusMeasureName, ...] = ("learned", "umis")
"""Focus measures that take weights."""

_CLASSICAL = tuple(name for name in get_args(FocusMeasureName) if name not in NETWORK_MEASURES)
_ALIGNED = tuple(name for name in get_args(AlignMode) if name != "none")


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """How a stack is fused.

    Default, unit, bounds and help of each field stand in its metadata; the command line and
    the widget read them from there.

    Raises
    ------
    ConfigError
        For a value outside its choices or bounds, or options that contradict each other.
    """

    focus_measure: FocusMeasureName = field(
        default="learned",
        metadata=choice(FocusMeasureName, "how the focus of a pixel is measured"),
    )
    checkpoint: str | None = field(
        default=None,
        metadata={
            "help": "weights for 'learned' (.safetensors) or 'umis' (.safetensors or .pth); "
            "none: those that come with the package",
            "path": True,
            "label": "weights",
            "used_when": ("focus_measure", NETWORK_MEASURES),
        },
    )
    detail_sigma_px: float = field(
        default=1.0,
        metadata=number(
            "scale of the detail that 'laplacian' looks for",
            "px",
            0.5,
            8.0,
            step=0.5,
            label="detail",
            used_when=("focus_measure", ("laplacian",)),
        ),
    )
    window_sigma_px: float = field(
        default=4.0,
        metadata=number(
            "Gaussian window over which focus is averaged; larger is calmer in noise, "
            "smaller follows edges more closely",
            "px",
            0.5,
            32.0,
            step=0.5,
            label="window",
            used_when=("focus_measure", _CLASSICAL),
        ),
    )
    channel: ChannelRule | int = field(
        default="auto",
        metadata={
            "help": "which channel focus is measured on: a number from 0, or a rule; auto takes "
            "the luminance of colour and the mean of microscope channels",
            "choices": get_args(ChannelRule),
        },
    )
    median_filter: bool = field(
        default=False,
        metadata={"help": "smooth each plane with a 5 x 5 median before focus is measured"},
    )
    verification: Verification = field(
        default="seams",
        metadata=choice(
            Verification,
            "consistency verification: 'seams' lets a plane take over where its border cannot "
            "be seen, 'mode' and 'fuzzy' filter the decision map, 'none' keeps it",
        ),
    )
    seam_smoothness: float = field(
        default=10.0,
        metadata=number(
            "how much a visible seam costs against sharpness",
            "",
            0.0,
            1e4,
            step=0.5,
            label="seam cost",
            used_when=("verification", ("seams",)),
        ),
    )
    verification_window_px: int = field(
        default=0,
        metadata=number(
            "window of 'mode' and 'fuzzy'; 0: a twentieth of the shorter side",
            "px",
            0,
            9999,
            label="filter window",
            used_when=("verification", ("mode", "fuzzy")),
        ),
    )
    blend: Blend = field(
        default="weighted",
        metadata=choice(
            Blend,
            "'weighted' averages planes by their focus: less noise and no visible borders, values "
            "between the recorded ones; 'select' copies every pixel from one plane, which with "
            "'learned' and 'seams' is the one whose value is nearest to that mean",
        ),
    )
    align: AlignMode = field(
        default="none",
        metadata=choice(
            AlignMode,
            "how planes are put on one another before they are fused: 'translation', 'similarity' "
            "(magnification and turn too) or 'affine'; 'auto' takes what the planes are evidence "
            "of, only translation for microscope stacks; planes that need it not stay as they are",
            label="align planes",
        ),
    )
    align_border: AlignBorder = field(
        default="crop",
        metadata=choice(
            AlignBorder,
            "where planes that were moved leave the image: 'crop' keeps what all planes show, "
            "'mask' the whole of the reference plane, there fused from the planes that show it",
            label="borders",
            used_when=("align", _ALIGNED),
        ),
    )
    light: LightCorrection = field(
        default="auto",
        metadata=choice(
            LightCorrection,
            "flickering lamps, bleaching, dust and hot pixels: 'measure' corrects them for the "
            "decision only, so that values stay recorded ones, 'output' the brightness of the "
            "image too; 'auto' is 'measure' where planes are aligned, and 'none' else, as it "
            "takes reading them twice",
        ),
    )
    device: DeviceName = field(
        default="auto",
        metadata=choice(
            DeviceName, "where the network runs", used_when=("focus_measure", NETWORK_MEASURES)
        ),
    )
    nan_policy: NanPolicy = field(
        default="raise",
        metadata=choice(NanPolicy, "what to do with NaN and infinite values", label="NaN values"),
    )
    threads: int = field(
        default=0, metadata=number("worker threads; 0: one for each core", "", 0, 256)
    )
    tile_px: int = field(
        default=512,
        metadata=number(
            "size of the tiles that a thread works on: about this many px squared",
            "px",
            32,
            65536,
            label="tiles",
        ),
    )
    memory_mb: int = field(
        default=4096,
        metadata=number(
            "memory for the maps and results of a run, kept in temporary files beyond it",
            "MB",
            0,
            999_999,
            label="memory",
        ),
    )

    def __post_init__(self) -> None:
        """Check every field against its metadata."""
        for spec in fields(self):
            _check(spec, getattr(self, spec.name))
        if self.verification_window_px and self.verification_window_px % 2 == 0:
            raise ConfigError(
                f"verification_window_px={self.verification_window_px}; accepted is an odd "
                "number, so that the window has a centre, or 0."
            )
        if self.focus_measure not in NETWORK_MEASURES and self.checkpoint is not None:
            raise ConfigError(
                f"checkpoint={self.checkpoint!r} is only used by focus_measure='learned' and "
                f"'umis', got focus_measure={self.focus_measure!r}; drop one of the two."
            )

    @classmethod
    def reference(cls, checkpoint: str | Path | None = None, **options: Any) -> Self:
        """Return the published method: UMIS network, mode filter, values copied.

        Parameters
        ----------
        checkpoint : str or Path, optional
            Weights of the UMIS network, by default those that come with the package.
        **options
            Other fields, e.g. ``verification="fuzzy"`` or ``median_filter=True``.
        """
        settings = {"verification": "mode", "blend": "select", **options}
        weights = None if checkpoint is None else str(checkpoint)
        return cls(focus_measure="umis", checkpoint=weights, **settings)

    def replace(self, **options: Any) -> Self:
        """Return a copy with some fields changed.

        Raises
        ------
        ConfigError
            For a field that does not exist, or a value out of bounds.
        """
        return replaced(self, options)

    @property
    def corrects_light(self) -> bool:
        """Whether planes are brought to one light, for the measure at least."""
        return self.light in ("measure", "output") or (self.light == "auto" and self.aligns)

    @property
    def aligns(self) -> bool:
        """Whether planes are put on one another."""
        return self.align != "none"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of JSON values."""
        return asdict(self)


def _check(spec: Field[Any], value: Any) -> None:
    if spec.name != "channel":
        check_field(spec, value)
    elif not is_int(value):
        check_choice(spec, value, " or a channel number")
    elif value < 0:
        raise ConfigError(f"channel={value}; channels are counted from 0.")
