"""Options of a fusion: a validated dataclass from which the CLI and the widget are generated."""

from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import (
    ConfigBase,
    check_choice,
    check_field,
    choice,
    is_int,
    number,
    take_python_values,
)

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
Moving = Literal["keep", "reject"]
Mosaic = Literal["auto", "none", "bayer"]
LightCorrection = Literal["auto", "none", "measure", "output"]
Nowhere = Literal["decided", "mean", "plane", "none"]
Islands = Literal["mend", "mark", "keep"]

NETWORK_MEASURES: tuple[FocusMeasureName, ...] = ("learned", "umis")
"""Focus measures that are networks, and take weights."""

WITHOUT_EFFECT = ("threads", "memory_mb")
"""Options that change no value of a result."""

COMPUTED_BY = (*WITHOUT_EFFECT, "tile_px", "device")
"""Options that say how a fusion is computed, not what its result is."""

_CLASSICAL = tuple(name for name in get_args(FocusMeasureName) if name not in NETWORK_MEASURES)
_ALIGNED = tuple(name for name in get_args(AlignMode) if name != "none")


@dataclass(frozen=True, slots=True)
class FusionConfig(ConfigBase):
    """Options of a fusion.

    Default, unit, bounds and help of each field are in its metadata, from which the command line
    and the widget read them.

    Raises
    ------
    ConfigError
        If a value is not among its choices or within its bounds, or options contradict each
        other.
    """

    focus_measure: FocusMeasureName = field(
        default="learned",
        metadata=choice(FocusMeasureName, "How the focus of each pixel is measured."),
    )
    checkpoint: str | None = field(
        default=None,
        metadata={
            "help": "Weights of 'learned' (.safetensors) or 'umis' (.safetensors or .pth). Without "
            "it, the weights of this package are used.",
            "path": True,
            "label": "weights",
            "used_when": ("focus_measure", NETWORK_MEASURES),
        },
    )
    detail_sigma_px: float = field(
        default=1.0,
        metadata=number(
            "Scale (sigma) of the detail that 'laplacian' responds to.",
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
            "Sigma of the Gaussian window that averages focus. A larger window suppresses noise, a "
            "smaller one follows edges more closely.",
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
            "help": "Channel on which focus is measured: a number from 0, or a rule. 'auto' uses "
            "the luminance of colour images and the mean of microscope channels.",
            "choices": get_args(ChannelRule),
        },
    )
    median_filter: bool = field(
        default=False,
        metadata={"help": "Smooth each plane with a 5 x 5 median before focus is measured."},
    )
    verification: Verification = field(
        default="seams",
        metadata=choice(
            Verification,
            "Consistency verification of the decision. 'seams' moves borders between planes to "
            "where they cannot be seen, 'mode' and 'fuzzy' filter the decision map, 'none' "
            "keeps it.",
        ),
    )
    prefer: float = field(
        default=0.0,
        metadata=number(
            "Which plane is chosen where several are in focus at one pixel, as in transparent "
            "layers or where a background shines through: below 0 the one nearer the first plane "
            "(plane 0), above 0 the one nearer the last, more so towards -1 and 1; 0 the sharpest. "
            "Where one plane is clearly in focus, nothing changes.",
            "",
            -1.0,
            1.0,
            step=0.1,
            label="first or last",
        ),
    )
    seam_smoothness: float = field(
        default=10.0,
        metadata=number(
            "How much a visible border between planes costs, relative to sharpness.",
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
            "Side of the window of 'mode' and 'fuzzy'. 0 uses a twentieth of the shorter side of "
            "the plane.",
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
            "How pixel values are composed. 'weighted' averages the planes by their focus: less "
            "noise, no visible borders, values between recorded ones. 'select' copies each "
            "pixel from one plane; with 'learned' and 'seams' it copies the value nearest to "
            "that mean.",
        ),
    )
    align: AlignMode = field(
        default="none",
        metadata=choice(
            AlignMode,
            "How planes are aligned before fusion: 'translation', 'similarity' (translation, "
            "rotation and scale) or 'affine'. 'auto' uses only the motion for which the "
            "planes give evidence, and translation alone for microscope stacks. Planes that "
            "need no alignment stay unchanged.",
            label="align planes",
        ),
    )
    align_border: AlignBorder = field(
        default="crop",
        metadata=choice(
            AlignBorder,
            "What happens at borders that alignment leaves uncovered. 'crop' keeps the area that "
            "all planes show, 'mask' keeps the whole reference plane and fuses each pixel "
            "from the planes that show it.",
            label="borders",
            used_when=("align", _ALIGNED),
        ),
    )
    light: LightCorrection = field(
        default="auto",
        metadata=choice(
            LightCorrection,
            "Correction of illumination (flicker, bleaching) and sensor defects (dust, hot "
            "pixels). 'measure' corrects the planes only for measuring focus, so that output "
            "values stay recorded ones. 'output' also corrects the brightness of the image. "
            "'auto' is 'measure' when planes are aligned. Otherwise it is 'none' until the light "
            "is found to change, and then 'output', or 'measure' where values are copied, because "
            "the correction reads the planes twice.",
        ),
    )
    moving: Moving = field(
        default="keep",
        metadata=choice(
            Moving,
            "What happens to things that move while the planes are taken. 'reject' leaves out the "
            "parts of planes that differ from most planes by more than focus does, such as "
            "swimmers and drifting debris; it reads the planes once more and needs at least four. "
            "'keep' lets all parts compete.",
        ),
    )
    islands: Islands = field(
        default="mend",
        metadata=choice(
            Islands,
            "What happens to islands of the index map, more than two planes from the edges around "
            "them, that show the opposite of what the planes in focus show: thin transmitted "
            "specimens invert their contrast through focus. 'mend' takes them from the planes of "
            "those edges, 'mark' lowers their confidence, 'keep' leaves them.",
        ),
    )
    nowhere: Nowhere = field(
        default="decided",
        metadata=choice(
            Nowhere,
            "Values of the image where no plane shows detail: 'decided' those of the decision, "
            "'mean' the mean of all planes, 'plane' those of one plane, 'none' no value (0, or NaN "
            "in floating-point numbers; transparent where colours have opacity). Maps stay as "
            "decided.",
            label="never in focus",
        ),
    )
    nowhere_plane: int = field(
        default=0,
        metadata=number(
            "Plane that is shown where no plane shows detail, counted from 0.",
            "",
            0,
            65535,
            label="plane, never in focus",
            used_when=("nowhere", ("plane",)),
        ),
    )
    depth_error: bool = field(
        default=False,
        metadata={
            "help": "Also estimate the standard error of the depth of each pixel, from noise and "
            "slope. Not for 'umis', whose focus has no unit.",
            "label": "error of depth",
        },
    )
    device: DeviceName = field(
        default="auto",
        metadata=choice(
            DeviceName,
            "Device on which the network runs.",
            used_when=("focus_measure", NETWORK_MEASURES),
        ),
    )
    nan_policy: NanPolicy = field(
        default="raise",
        metadata=choice(NanPolicy, "What happens to NaN and infinite values.", label="NaN values"),
    )
    mosaic: Mosaic = field(
        default="auto",
        metadata=choice(
            Mosaic,
            "Whether grey planes are a Bayer mosaic: colours side by side, as the camera recorded "
            "them. Of a mosaic, focus is measured on a mix of its colours. 'auto' recognises it, "
            "and mosaics whose colours repeat later: quad-Bayer and X-Trans.",
        ),
    )
    empty: float | None = field(
        default=None,
        metadata={
            "help": "Value that stands for nothing where it reaches the border of a plane, such as "
            "0 in planes that other software has moved: those pixels are taken from other planes. "
            "Without it, all values count.",
            "any_number": True,
            "label": "empty value",
        },
    )
    threads: int = field(
        default=0,
        metadata=number("Number of worker threads. 0 uses one per processor core.", "", 0, 256),
    )
    tile_px: int = field(
        default=512,
        metadata=number(
            "Side of the square tiles that the threads process.",
            "px",
            32,
            65536,
            label="tiles",
        ),
    )
    memory_mb: int = field(
        default=4096,
        metadata=number(
            "Memory of a fusion. Planes that need more are fused in blocks; maps beyond it are "
            "kept in a temporary file.",
            "MB",
            0,
            999_999,
            label="memory",
        ),
    )

    def __post_init__(self) -> None:
        """Check every field against its metadata."""
        take_python_values(self)
        for spec in fields(self):
            _check(spec, getattr(self, spec.name))
        if self.verification_window_px and self.verification_window_px % 2 == 0:
            raise ConfigError(
                f"verification_window_px={self.verification_window_px}; accepted is an odd "
                "number, so that the window has a centre, or 0."
            )
        if self.depth_error and self.focus_measure == "umis":
            raise ConfigError(
                "depth_error=True with focus_measure='umis', whose focus has no unit, so that what "
                "noise does to it is unknown; accepted is any other focus measure."
            )
        if self.focus_measure not in NETWORK_MEASURES and self.checkpoint is not None:
            raise ConfigError(
                f"checkpoint={self.checkpoint!r} is only used by focus_measure='learned' and "
                f"'umis', got focus_measure={self.focus_measure!r}; leave one of the two out."
            )

    @classmethod
    def reference(cls, checkpoint: str | Path | None = None, **options: Any) -> Self:
        """Return the options of the published method: UMIS network, mode filter, copied values.

        Parameters
        ----------
        checkpoint : str or Path, optional
            Weights of the UMIS network; by default those shipped with the package.
        **options
            Other fields, e.g. ``verification="fuzzy"`` or ``median_filter=True``.
        """
        settings = {"verification": "mode", "blend": "select", "islands": "keep", **options}
        weights = None if checkpoint is None else str(checkpoint)
        return cls(focus_measure="umis", checkpoint=weights, **settings)

    @property
    def corrects_illumination(self) -> bool:
        """Whether illumination is corrected, at least for measuring focus."""
        return self.light in ("measure", "output") or (self.light == "auto" and self.aligns)

    @property
    def aligns(self) -> bool:
        """Whether planes are aligned before fusion."""
        return self.align != "none"


def _check(spec: Field[Any], value: Any) -> None:
    # The channel is a rule or a number, which the checks of the metadata cannot express.
    if spec.name != "channel":
        check_field(spec, value)
    elif not is_int(value):
        check_choice(spec, value, " or a channel number")
    elif value < 0:
        raise ConfigError(f"channel={value}; accepted is 0 or more: channels are counted from 0.")
