"""Plans of focus sweeps: where from, where to, in which steps."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.live._extra import needs_live
from napari_umis_fusion.runtime import ConfigBase, check_fields, choice, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from useq import MDASequence

SweepRange = Literal["top_bottom", "around"]
Direction = Literal["up", "down", "both"]

MOST_PLANES = 10_000
"""Planes of a sweep; more are a slip of the pen, such as a step in mm."""


def nyquist_step_um(
    na: float, wavelength_nm: float = 520.0, refractive_index: float = 1.0
) -> float:
    """Return the largest step between planes that loses nothing a lens resolves.

    Half the period of the finest detail along z that a widefield microscope transfers [1]_:
    wavelength / (2 n (1 - cos a)), with sin a = NA / n.

    Parameters
    ----------
    na : float
        Numerical aperture of the objective; less than `refractive_index`.
    wavelength_nm : float
        Wavelength of the light that the camera sees, in vacuum, in nm.
    refractive_index : float
        Of the medium between objective and specimen: air 1.0, water 1.33, oil 1.515.

    Returns
    -------
    float
        In µm.

    Raises
    ------
    ConfigError
        If a number is not accepted.

    References
    ----------
    .. [1] Heintzmann, R. and Sheppard, C. J. R., "The sampling limit in fluorescence microscopy",
       Micron 38(2), 2007. https://doi.org/10.1016/j.micron.2006.07.017

    Examples
    --------
    >>> round(nyquist_step_um(0.3), 2), round(nyquist_step_um(1.4, 520, 1.515), 3)
    (5.65, 0.278)
    """
    if not 0 < na < refractive_index:
        raise ConfigError(
            f"na={na} with refractive_index={refractive_index}; accepted is a numerical aperture "
            "above 0 and below the refractive index of the medium (air 1.0, water 1.33, oil 1.515)."
        )
    if not (np.isfinite(wavelength_nm) and wavelength_nm > 0):
        raise ConfigError(f"wavelength_nm={wavelength_nm}; accepted is a positive number of nm.")
    cosine = (1 - (na / refractive_index) ** 2) ** 0.5
    return float(wavelength_nm / 1000 / (2 * refractive_index * (1 - cosine)))


@dataclass(frozen=True, slots=True)
class SweepPlan(ConfigBase):
    """A focus sweep.

    Default, unit, bounds and help of each field are in its metadata.

    Raises
    ------
    ConfigError
        If a value is not accepted, or values contradict each other.
    """

    range_by: SweepRange = field(
        default="around",
        metadata=choice(
            SweepRange,
            "How the range is given. 'top_bottom' takes two heights of the stage, 'around' a "
            "range around where it stands, or around the height of each position.",
            label="range",
        ),
    )
    top_um: float = field(
        default=10.0,
        metadata=number(
            "Highest height of the stage.",
            "µm",
            -1e5,
            1e5,
            label="top",
            used_when=("range_by", ("top_bottom",)),
        ),
    )
    bottom_um: float = field(
        default=0.0,
        metadata=number(
            "Lowest height of the stage.",
            "µm",
            -1e5,
            1e5,
            label="bottom",
            used_when=("range_by", ("top_bottom",)),
        ),
    )
    range_um: float = field(
        default=20.0,
        metadata=number(
            "Range of the sweep, half of it on either side.",
            "µm",
            0.0,
            1e5,
            label="range",
            used_when=("range_by", ("around",)),
        ),
    )
    step_um: float = field(
        default=1.0,
        metadata=number(
            "Step between planes. 0 uses the Nyquist step of numerical aperture, wavelength and "
            "refractive index.",
            "µm",
            0.0,
            1e4,
            label="step",
        ),
    )
    na: float = field(
        default=0.3,
        metadata=number(
            "Numerical aperture of the objective.",
            "",
            0.01,
            1.7,
            label="numerical aperture",
            step=0.05,
        ),
    )
    wavelength_nm: float = field(
        default=520.0,
        metadata=number(
            "Wavelength of the light that the camera sees.",
            "nm",
            100.0,
            20_000.0,
            step=10.0,
            label="wavelength",
        ),
    )
    refractive_index: float = field(
        default=1.0,
        metadata=number(
            "Refractive index of the medium between objective and specimen.",
            "",
            1.0,
            2.0,
            step=0.01,
        ),
    )
    direction: Direction = field(
        default="up",
        metadata=choice(
            Direction,
            "Direction of the sweep; 'both' sweeps up, then down, as two runs of one stack each.",
        ),
    )
    settle_ms: float = field(
        default=0.0,
        metadata=number(
            "Time to wait after the stage says that it stands, before a plane is taken.",
            "ms",
            0.0,
            60_000.0,
            label="settling",
        ),
    )
    stop_after: int = field(
        default=0,
        metadata=number(
            "Stop a sweep early once so many planes in a row showed nothing clearly better than "
            "the planes before them. 0 always sweeps the whole range.",
            "planes",
            0,
            1000,
            label="stop early after",
        ),
    )
    covered_um: float = field(
        default=0.0,
        metadata=number(
            "Range that is swept in any case before a sweep may stop early.",
            "µm",
            0.0,
            1e5,
            label="at least",
        ),
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.range_by == "top_bottom" and self.top_um < self.bottom_um:
            raise ConfigError(
                f"top_um={self.top_um} is below bottom_um={self.bottom_um}; accepted is a top that "
                "is as high or higher. Exchange the two; `direction` says where a sweep begins."
            )
        if self.planes > MOST_PLANES:
            raise ConfigError(
                f"the sweep has {self.planes} planes: {self.span_um:g} µm in steps of "
                f"{self.resolved_step_um:g} µm; accepted are at most {MOST_PLANES}. Choose a "
                "smaller range or a larger step."
            )

    @property
    def span_um(self) -> float:
        """Range, in µm."""
        return self.range_um if self.range_by == "around" else self.top_um - self.bottom_um

    @property
    def resolved_step_um(self) -> float:
        """Step between planes, in µm: the one that is set, or the Nyquist step."""
        if self.step_um > 0:
            return self.step_um
        return nyquist_step_um(self.na, self.wavelength_nm, self.refractive_index)

    @property
    def planes(self) -> int:
        """Number of planes; they cover the range, and less than a step more."""
        # Rounded, since 3 / 0.1 is less than 30.
        return int(np.ceil(round(self.span_um / self.resolved_step_um, 6))) + 1

    def heights_um(self, centre_um: float = 0.0) -> tuple[float, ...]:
        """Return the height of each plane, from low to high, in µm.

        Parameters
        ----------
        centre_um : float
            Where the stage stands, for a range around it.
        """
        bottom = self.bottom_um
        if self.range_by == "around":
            bottom = centre_um - (self.planes - 1) * self.resolved_step_um / 2
        return tuple(round(bottom + z * self.resolved_step_um, 6) for z in range(self.planes))

    def sequences(
        self, centre_um: float = 0.0, base: "MDASequence | None" = None
    ) -> "tuple[MDASequence, ...]":
        """Return the runs of the sweep: one, or two for 'both'.

        Parameters
        ----------
        centre_um : float
            Where the stage stands, for a range around it.
        base : useq.MDASequence, optional
            Positions, channels and time points to sweep at; its z plan is replaced. Positions with
            a height of their own are swept around that.

        Raises
        ------
        LiveError
            If the extra ``live`` is not installed.
        """
        with needs_live():
            from useq import MDASequence
        plan = base or MDASequence()
        ways: Sequence[bool] = {"up": (True,), "down": (False,), "both": (True, False)}[
            self.direction
        ]
        return tuple(
            plan.replace(
                z_plan=self._z_plan(centre_um, plan, go_up=up),
                keep_shutter_open_across=("z",),
            )
            for up in ways
        )

    def _z_plan(self, centre_um: float, plan: "MDASequence", *, go_up: bool) -> dict[str, Any]:
        # Plans that name their step, as files take the z step from there.
        step, heights = self.resolved_step_um, self.heights_um(centre_um)
        has_heights = any(position.z is not None for position in plan.stage_positions)
        if self.range_by == "around" and has_heights:
            return {"range": step * (self.planes - 1), "step": step, "go_up": go_up}
        return {"top": heights[-1], "bottom": heights[0], "step": step, "go_up": go_up}
