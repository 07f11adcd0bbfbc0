"""Illumination and defects of a stack, as fusion applies them."""

from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.preprocess._grey import GreyRange
from napari_umis_fusion.preprocess.illumination._defects import Defects
from napari_umis_fusion.preprocess.illumination._illumination import Illumination
from napari_umis_fusion.stack import Plane


@dataclass(frozen=True, slots=True, eq=False)
class IlluminationProfile:
    """Illumination and defects of a stack.

    Attributes
    ----------
    illumination : Illumination or None
        None if it was not measured, or all planes are equally bright.
    defects : Defects or None
        None if they were not searched for, or none was found.
    grey_range : GreyRange or None
        Range of the grey levels of `illumination`.
    """

    illumination: Illumination | None = None
    defects: Defects | None = None
    grey_range: GreyRange | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to correct."""
        return self.illumination is None and self.defects is None

    def illumination_in(self, wanted: GreyRange) -> Illumination | None:
        """Return the illumination in grey levels of another range."""
        if self.illumination is None or self.grey_range is None:
            return None
        return self.illumination.in_range(self.grey_range, wanted)

    def correct_values(self, plane: Plane, z: int) -> Plane:
        """Return the values of plane `z`, corrected for illumination, in their dtype."""
        if self.illumination is None or self.grey_range is None:
            return plane
        return self.illumination.correct_values(plane, z, self.grey_range)

    def describe(self) -> dict[str, Any]:
        """Return illumination and defects as JSON values; an empty dict if there are none."""
        found: dict[str, Any] = {}
        if self.illumination is not None:
            found["illumination"] = self.illumination.describe()
        if self.defects is not None:
            found["defects"] = self.defects.describe()
        return found

    def summary(self) -> list[str]:
        """Return notes for the user on what was found."""
        notes = []
        if self.illumination is not None:
            gains = self.illumination.gains
            notes.append(
                f"planes are lit unevenly: {min(gains):.2f} to {max(gains):.2f} times plane "
                f"{self.illumination.reference}"
            )
        if self.defects is not None:
            found = self.defects.describe()
            spots, pixels = found["dust_spots"], found["hot_or_dead_pixels"]
            notes.append(f"{spots} dust spots and {pixels} hot or dead pixels do not decide")
        return notes
