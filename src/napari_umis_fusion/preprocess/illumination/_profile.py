"""What is known of a stack's light and sensor, brought to the planes as they are fused."""

from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.preprocess._grey import GreyRange
from napari_umis_fusion.preprocess.illumination._defects import Defects
from napari_umis_fusion.preprocess.illumination._illumination import Illumination
from napari_umis_fusion.stack import Plane


@dataclass(frozen=True, slots=True, eq=False)
class IlluminationProfile:
    """How planes were lit, and what stands still on the sensor.

    Attributes
    ----------
    illumination : Illumination or None
        None where it was not looked for, or planes are lit alike.
    defects : Defects or None
        None where they were not looked for, or nothing was found.
    grey_range : GreyRange or None
        Of the grey levels that `illumination` is about.
    """

    illumination: Illumination | None = None
    defects: Defects | None = None
    grey_range: GreyRange | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to correct."""
        return self.illumination is None and self.defects is None

    def illumination_in(self, wanted: GreyRange) -> Illumination | None:
        """Return how planes are lit, in grey levels of another range."""
        if self.illumination is None or self.grey_range is None:
            return None
        return self.illumination.in_range(self.grey_range, wanted)

    def correct_values(self, plane: Plane, z: int) -> Plane:
        """Return values of plane `z` as if it were lit like the others, in their dtype."""
        if self.illumination is None or self.grey_range is None:
            return plane
        return self.illumination.correct_values(plane, z, self.grey_range)

    def describe(self) -> dict[str, Any]:
        """Return what is known as JSON values; nothing where there is nothing."""
        found: dict[str, Any] = {}
        if self.illumination is not None:
            found["illumination"] = self.illumination.describe()
        if self.defects is not None:
            found["defects"] = self.defects.describe()
        return found

    def summary(self) -> list[str]:
        """Say in sentences what was found."""
        said = []
        if self.illumination is not None:
            gains = self.illumination.gains
            said.append(
                f"planes are lit unevenly: {min(gains):.2f} to {max(gains):.2f} times plane "
                f"{self.illumination.reference}"
            )
        if self.defects is not None:
            found = self.defects.describe()
            spots, pixels = found["dust_spots"], found["hot_or_dead_pixels"]
            said.append(f"{spots} dust spots and {pixels} hot or dead pixels do not decide")
        return said
