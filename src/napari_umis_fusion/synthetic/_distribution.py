"""The distribution of rendered training stacks from which `StackSampler` draws."""

from dataclasses import dataclass, field

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.synthetic._imperfections import Imperfections
from napari_umis_fusion.synthetic._ranges import Range, a_share, check_distribution, in_range


@dataclass(frozen=True, slots=True)
class StackDistribution:
    """Distribution of rendered training stacks; help, unit and bounds are in the fields' metadata.

    Ranges are (low, high), drawn uniformly on a logarithmic scale: small and large values are
    equally frequent. Shares are probabilities for each stack.

    Raises
    ------
    ConfigError
        If a range is empty or out of bounds, a share is outside 0 to 1, or the weights of all
        kinds of scenes are 0.
    """

    size_px: int = field(default=128, metadata=in_range("Side of a stack.", "px", 16, 1024))
    margin_px: int = field(
        default=36,
        metadata=in_range(
            "Width of the margin that is rendered around a stack and cut off. It bounds the blur.",
            "px",
            4,
            256,
        ),
    )
    planes: tuple[int, int] = field(
        default=(2, 24), metadata=in_range("Number of planes.", "", 2, 256)
    )
    slope_px_per_plane: Range = field(
        default=(0.25, 20.0), metadata=in_range("Blur radius per plane of defocus.", "px", 0.01)
    )
    opaque: float = field(
        default=0.6, metadata=a_share("Weight of scenes with surfaces that occlude each other.")
    )
    fluorescence: float = field(
        default=0.15, metadata=a_share("Weight of scenes whose light adds up.")
    )
    brightfield: float = field(
        default=0.25,
        metadata=a_share("Weight of scenes with thin absorbing and refracting objects."),
    )
    smears: float = field(
        default=0.2,
        metadata=a_share(
            "Weight of scenes with thin cells in transmitted light, whose contrast inverts through "
            "focus."
        ),
    )
    layers: tuple[int, int] = field(
        default=(1, 4), metadata=in_range("Number of surfaces one behind another.", "", 1, 16)
    )
    flat_share: float = field(
        default=0.35, metadata=a_share("Share of stacks with patches that fade to no texture.")
    )
    lens_blur_px: Range = field(
        default=(0.25, 1.3),
        metadata=in_range("Sigma of the lens blur that remains in focus.", "px", 0.01),
    )
    lens_blur_share: float = field(
        default=0.4, metadata=a_share("Share of stacks that are less than pixel-sharp in focus.")
    )
    noise_share: float = field(default=0.4, metadata=a_share("Share of stacks with noise."))
    photon_electrons: Range = field(
        default=(60.0, 20000.0), metadata=in_range("Electrons at full scale.", "e-", 1)
    )
    read_share: float = field(
        default=0.03, metadata=a_share("Highest read noise, as a share of full scale.")
    )
    drift_share: float = field(
        default=0.4,
        metadata=a_share("Share of stacks whose brightness changes with place and focus."),
    )
    drift: float = field(
        default=0.2, metadata=a_share("Highest relative standard deviation of that change.")
    )
    flicker_share: float = field(
        default=0.3, metadata=a_share("Share of stacks with a flickering lamp.")
    )
    flicker: float = field(
        default=0.04, metadata=a_share("Highest relative standard deviation of the flicker.")
    )
    jitter_share: float = field(
        default=0.3, metadata=a_share("Share of stacks that shake between planes.")
    )
    jitter_px: float = field(
        default=1.0, metadata=in_range("Highest standard deviation of that shake.", "px")
    )
    jpeg_share: float = field(
        default=0.15,
        metadata=a_share(
            "Share of stacks compressed as JPEG. It cannot exceed the share with 256 grey levels."
        ),
    )
    eight_bit_share: float = field(
        default=0.6, metadata=a_share("Share of stacks rounded to 256 grey levels.")
    )
    imperfections: Imperfections | None = field(
        default=None,
        metadata={"help": "What else may be wrong with a stack; None is nothing.", "unit": ""},
    )

    def __post_init__(self) -> None:
        check_distribution(self)
        if self.opaque + self.fluorescence + self.brightfield + self.smears <= 0:
            raise ConfigError(
                "opaque, fluorescence, brightfield and smears are all 0; raise one of them."
            )
