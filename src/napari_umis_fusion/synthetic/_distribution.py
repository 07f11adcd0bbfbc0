"""The distribution of rendered training stacks from which `StackSampler` draws."""

import math
from dataclasses import Field, dataclass, field, fields
from typing import Any

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import is_int

Range = tuple[float, float]


def _range(help_text: str, unit: str, low: float = 0, high: float = math.inf) -> dict[str, Any]:
    return {"help": help_text, "unit": unit, "min": low, "max": high}


def _share(help_text: str) -> dict[str, Any]:
    return {"help": help_text, "unit": "", "min": 0.0, "max": 1.0}


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

    size_px: int = field(default=128, metadata=_range("Side of a stack.", "px", 16, 1024))
    margin_px: int = field(
        default=36,
        metadata=_range(
            "Width of the margin that is rendered around a stack and cut off. It bounds the blur.",
            "px",
            4,
            256,
        ),
    )
    planes: tuple[int, int] = field(
        default=(2, 24), metadata=_range("Number of planes.", "", 2, 256)
    )
    slope_px_per_plane: Range = field(
        default=(0.25, 20.0), metadata=_range("Blur radius per plane of defocus.", "px", 0.01)
    )
    opaque: float = field(
        default=0.6, metadata=_share("Weight of scenes with surfaces that occlude each other.")
    )
    fluorescence: float = field(
        default=0.15, metadata=_share("Weight of scenes whose light adds up.")
    )
    brightfield: float = field(
        default=0.25,
        metadata=_share("Weight of scenes with thin absorbing and refracting objects."),
    )
    layers: tuple[int, int] = field(
        default=(1, 4), metadata=_range("Number of surfaces one behind another.", "", 1, 16)
    )
    flat_share: float = field(
        default=0.35, metadata=_share("Share of stacks with patches that fade to no texture.")
    )
    lens_blur_px: Range = field(
        default=(0.25, 1.3),
        metadata=_range("Sigma of the lens blur that remains in focus.", "px", 0.01),
    )
    lens_blur_share: float = field(
        default=0.4, metadata=_share("Share of stacks that are less than pixel-sharp in focus.")
    )
    noise_share: float = field(default=0.4, metadata=_share("Share of stacks with noise."))
    photon_electrons: Range = field(
        default=(60.0, 20000.0), metadata=_range("Electrons at full scale.", "e-", 1)
    )
    read_share: float = field(
        default=0.03, metadata=_share("Highest read noise, as a share of full scale.")
    )
    drift_share: float = field(
        default=0.4,
        metadata=_share("Share of stacks whose brightness changes with place and focus."),
    )
    drift: float = field(
        default=0.2, metadata=_share("Highest relative standard deviation of that change.")
    )
    flicker_share: float = field(
        default=0.3, metadata=_share("Share of stacks with a flickering lamp.")
    )
    flicker: float = field(
        default=0.04, metadata=_share("Highest relative standard deviation of the flicker.")
    )
    jitter_share: float = field(
        default=0.3, metadata=_share("Share of stacks that shake between planes.")
    )
    jitter_px: float = field(
        default=1.0, metadata=_range("Highest standard deviation of that shake.", "px")
    )
    jpeg_share: float = field(
        default=0.15,
        metadata=_share(
            "Share of stacks compressed as JPEG. It cannot exceed the share with 256 grey levels."
        ),
    )
    eight_bit_share: float = field(
        default=0.6, metadata=_share("Share of stacks rounded to 256 grey levels.")
    )

    def __post_init__(self) -> None:
        for spec in fields(self):
            _check(spec, getattr(self, spec.name))
        if self.opaque + self.fluorescence + self.brightfield <= 0:
            raise ConfigError("opaque, fluorescence and brightfield are all 0; raise one of them.")


def _check(spec: Field[Any], value: Any) -> None:
    """Raise `ConfigError` unless the value has the type of the default and is within bounds."""
    low, high, unit = (spec.metadata[key] for key in ("min", "max", "unit"))
    default: Any = spec.default
    paired = isinstance(default, tuple)
    pair = value if paired else (value, value)
    whole = is_int(default[0] if paired else default)
    if _is_range(pair, whole) and low <= pair[0] and pair[1] <= high:
        return
    kind = "whole number" if whole else "number"
    kind = f"a range (low, high) of {kind}s" if paired else f"a {kind}"
    bounds = f"{low:g} {unit}".rstrip() + " on"
    if high < math.inf:
        bounds = f"{low:g} to {high:g} {unit}".rstrip()
    raise ConfigError(f"{spec.name} is {value!r}; accepted is {kind} from {bounds}.")


def _is_range(pair: Any, whole: bool) -> bool:
    """Whether a value is a pair of finite numbers, the lower one first."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        return False
    numbers = (is_int(n) or (not whole and isinstance(n, float) and math.isfinite(n)) for n in pair)
    return all(numbers) and pair[0] <= pair[1]
