"""What a file tells about sizes and positions, before it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from napari_umis_fusion.stack import FALLING, Calibration, length_um, number_of, spacing_of

_NO_LENGTHS = ("", "pixel", "pixels", "inch", "inches", "reference frame", "none")
"""Units of headers that tell no sizes under a microscope."""


@dataclass(frozen=True, slots=True)
class ToldSizes:
    """Sizes and positions as a file tells them.

    Attributes
    ----------
    sizes : Calibration
        Physical sizes; a negative z step tells the direction.
    positions_um : mapping of int to float
        Position of planes by their z, in µm; empty if unknown.
    notes : tuple of str
        What was assumed.
    files_um : mapping of str to float
        Position of the plane in each file of a set, by its name, in µm.
    """

    sizes: Calibration = field(default_factory=Calibration)
    positions_um: Mapping[int, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files_um: Mapping[str, float] = field(default_factory=dict)

    def position_of(self, name: str) -> float | None:
        """Return the position of a file that is one plane; None if unknown."""
        if name in self.files_um:
            return self.files_um[name]
        (only,) = self.positions_um.values() if len(self.positions_um) == 1 else (None,)
        return only

    def judged(self, planes: int) -> "ToldSizes":
        """Return positive steps, from the positions of `planes` planes where all are known.

        Parameters
        ----------
        planes : int
            Number of planes along z.

        Returns
        -------
        ToldSizes
            `sizes` holds uneven positions; positions win over a step that contradicts them.
        """
        step = self.sizes.z_step_um
        notes = self.notes
        if step is not None and step < 0:
            notes = (*notes, FALLING)
        even = replace(self.sizes, z_step_um=None if step is None else abs(step))
        places = [self.positions_um[z] for z in range(planes) if z in self.positions_um]
        if planes < 2 or len(places) != planes or len(set(places)) == 1:
            return replace(self, sizes=even, notes=notes)
        found = spacing_of(places)
        if found.step_um is None:
            return replace(self, sizes=even, notes=(*notes, *found.notes))
        is_known = even.z_step_um is not None and found.positions_um is None
        if is_known and abs(found.step_um - (even.z_step_um or 0)) <= 0.02 * found.step_um:
            return replace(self, sizes=even, notes=notes)
        told = [*notes, *found.notes]
        if is_known:
            told.append(
                f"planes are {found.step_um:.4g} µm apart by their positions, which is used, and "
                f"{even.z_step_um:.4g} µm by the z step in the header"
            )
        sizes = replace(even, z_step_um=found.step_um, z_positions_um=found.positions_um)
        return replace(self, sizes=sizes, notes=tuple(dict.fromkeys(told)))


def unknown_unit_note(*units: Any) -> tuple[str, ...]:
    """Return a note on units that are no lengths; those of pixels and of print are told apart."""
    named = dict.fromkeys(str(unit).strip() for unit in units)
    odd = [unit for unit in named if unit.casefold() not in _NO_LENGTHS and not length_um(1, unit)]
    if not odd:
        return ()
    return (f"sizes in {', '.join(map(repr, odd))}, a unit that is not known, are left out",)


def signed_um(value: Any, unit: Any) -> float | None:
    """Convert a length to µm and keep its sign; None if it is 0, no number or has no known unit."""
    try:
        number = number_of(value)
    except (TypeError, ValueError):
        return None
    length = length_um(abs(number), unit)
    return None if length is None else length if number > 0 else -length
