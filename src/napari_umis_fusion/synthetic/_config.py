"""Options of rendering: optics, brightness, noise and grey levels."""

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

import numpy as np

from napari_umis_fusion.errors import ConfigError

Psf = Literal["disc", "gaussian"]
StackDtype = Literal["uint8", "uint16", "float16", "float32", "float64"]


def _number(help_text: str, unit: str, low: float = 0) -> dict[str, Any]:
    return {"help": help_text, "unit": unit, "min": low}


def _choice(help_text: str, choices: Any) -> dict[str, Any]:
    return {"help": help_text, "choices": get_args(choices)}


@dataclass(frozen=True, slots=True)
class RenderConfig:
    """Options for rendering a scene; help, unit and bounds are in the fields' metadata.

    Grey value = ``offset + full_scale * light``, with light 1 the brightest of the scene.

    Raises
    ------
    ConfigError
        If a value is outside its bounds, there is read noise without `photon_electrons`, or the
        white level exceeds the dtype.
    """

    planes: int = field(default=10, metadata=_number("Number of planes.", "", 1))
    slope_px_per_plane: float = field(
        default=1.0, metadata=_number("Blur radius per plane of defocus.", "px")
    )
    psf: Psf = field(default="disc", metadata=_choice("Shape of the defocus blur.", Psf))
    base_blur_px: float = field(
        default=0.0, metadata=_number("Sigma of the lens blur that remains in focus.", "px")
    )
    flicker: float = field(
        default=0.0,
        metadata=_number("Relative standard deviation of the random gain of each plane.", ""),
    )
    haze: float = field(
        default=0.0,
        metadata=_number(
            "Relative size of a smooth brightness change where the scene is out of focus.", ""
        ),
    )
    photon_electrons: float | None = field(
        default=None, metadata=_number("Electrons at full scale. None adds no noise.", "e-")
    )
    read_electrons: float = field(
        default=0.0, metadata=_number("Standard deviation of the read noise.", "e-")
    )
    dtype: StackDtype = field(
        default="uint8", metadata=_choice("Data type of the stack.", StackDtype)
    )
    full_scale: float | None = field(
        default=None,
        metadata=_number(
            "Grey levels from black to white. None uses all levels of the data type.", ""
        ),
    )
    offset: float = field(default=0.0, metadata=_number("Grey level of black.", "", -math.inf))
    z_step_um: float = field(default=1.0, metadata=_number("Distance between planes.", "µm"))
    seed: int = field(default=0, metadata=_number("Random seed of noise, flicker and haze.", ""))

    def __post_init__(self) -> None:
        for entry in fields(self):
            _check(entry.name, getattr(self, entry.name), entry.metadata)
        for name in ("planes", "seed"):
            if not isinstance(getattr(self, name), int):
                raise ConfigError(f"{name} is {getattr(self, name)!r}; accepted is a whole number.")
        if self.photon_electrons == 0 or self.z_step_um == 0 or self.full_scale == 0:
            raise ConfigError(
                "photon_electrons, z_step_um or full_scale is 0; accepted is a positive number."
            )
        if self.read_electrons and self.photon_electrons is None:
            raise ConfigError(
                f"read_electrons is {self.read_electrons} but photon_electrons is None; "
                "set photon_electrons, the electrons at full scale, too."
            )
        self._check_white()

    def _check_white(self) -> None:
        low, high = _limits(self.dtype)
        white = self.offset + self.grey_span
        if not (low <= self.offset and white <= high):
            raise ConfigError(
                f"black is {self.offset:g} and white {white:g}; {self.dtype} accepts "
                f"{low:g} to {high:g}: lower full_scale or offset, or use a wider dtype."
            )

    @property
    def grey_span(self) -> float:
        """Grey levels between black and white: the `data_range` for PSNR and SSIM."""
        if self.full_scale is not None:
            return float(self.full_scale)
        is_integer = np.issubdtype(np.dtype(self.dtype), np.integer)
        return _limits(self.dtype)[1] - self.offset if is_integer else 1.0


def _limits(dtype: str) -> tuple[float, float]:
    kind = np.dtype(dtype)
    if np.issubdtype(kind, np.integer):
        return float(np.iinfo(kind).min), float(np.iinfo(kind).max)
    return float(np.finfo(kind).min), float(np.finfo(kind).max)


def _check(name: str, value: Any, metadata: Any) -> None:
    choices = metadata.get("choices")
    if choices is not None:
        if value not in choices:
            raise ConfigError(f"{name} is {value!r}; accepted are {', '.join(choices)}.")
        return
    if value is None:
        if name in ("photon_electrons", "full_scale"):
            return
    elif math.isfinite(value) and value >= metadata["min"]:
        return
    raise ConfigError(
        f"{name} is {value!r}; accepted are finite numbers of {metadata['min']:g} or more."
    )
