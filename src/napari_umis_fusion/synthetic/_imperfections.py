"""What cameras, lamps and disks do to stacks, and scenes that mislead a focus measure."""

from dataclasses import dataclass, field, fields, replace
from typing import Self

from napari_umis_fusion.synthetic._ranges import Range, a_share, check_distribution, in_range


@dataclass(frozen=True, slots=True)
class Imperfections:
    """How often rendered training stacks are imperfect; help and bounds are in the metadata.

    Shares are probabilities for each stack, independent of each other. Ranges are (low, high),
    drawn uniformly on a logarithmic scale.

    Raises
    ------
    ConfigError
        If a share is outside 0 to 1, or a range is empty or out of bounds.
    """

    pattern_share: float = field(
        default=0.25,
        metadata=a_share(
            "Share of stacks with a pattern that stands still on the sensor: columns, rows, gain "
            "and offset of pixels, noise that all planes share, a reticle."
        ),
    )
    pattern: Range = field(
        default=(0.002, 0.03),
        metadata=in_range("Standard deviation of that pattern, of full scale.", "", 1e-5, 0.5),
    )
    dust_share: float = field(
        default=0.08, metadata=a_share("Share of stacks with dust and scratches on the sensor.")
    )
    hot_share: float = field(
        default=0.05, metadata=a_share("Share of stacks with pixels that are always bright.")
    )
    mosaic_share: float = field(
        default=0.03, metadata=a_share("Share of stacks with the colour mosaic of a sensor.")
    )
    speck_share: float = field(
        default=0.1,
        metadata=a_share("Share of stacks with specks of single planes, as of cosmic rays."),
    )
    specks: Range = field(
        default=(1e-4, 4e-3),
        metadata=in_range("Specks per pixel of a plane that has them.", "", 1e-7, 0.1),
    )
    ill_share: float = field(
        default=0.08,
        metadata=a_share("Share of stacks with planes that are blank or torn, all or in part."),
    )
    exposure_share: float = field(
        default=0.08, metadata=a_share("Share of stacks with one plane exposed otherwise.")
    )
    exposure: Range = field(
        default=(0.25, 2.5), metadata=in_range("Light of that plane, relative.", "", 0.01, 100)
    )
    banding_share: float = field(
        default=0.08, metadata=a_share("Share of stacks with bands that change between planes.")
    )
    banding: Range = field(
        default=(0.002, 0.02),
        metadata=in_range("Standard deviation of these bands, of full scale.", "", 1e-5, 0.5),
    )
    blocks_share: float = field(
        default=0.05, metadata=a_share("Share of stacks with visible blocks of compression.")
    )
    phase_share: float = field(
        default=0.4,
        metadata=a_share(
            "Share of objects in transmitted light that hardly absorb: their contrast inverts "
            "through focus, and is highest out of focus."
        ),
    )
    crowded_share: float = field(
        default=0.3,
        metadata=a_share(
            "Share of opaque scenes with up to twice the surfaces, each of other brightness."
        ),
    )
    wide_share: float = field(
        default=0.15, metadata=a_share("Share of stacks with up to twice the usual blur.")
    )

    def __post_init__(self) -> None:
        check_distribution(self)

    def scaled(self, rate: float) -> Self:
        """Return the same imperfections, `rate` (0 to 1) times as often."""
        shares = [spec.name for spec in fields(self) if spec.name.endswith("_share")]
        return replace(self, **{name: rate * getattr(self, name) for name in shares})
