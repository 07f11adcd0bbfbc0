"""What must be known of whole planes before parts of them are fused, as data that can be saved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from napari_umis_fusion.alignment import Alignment, PlaneMotion
from napari_umis_fusion.config import LightCorrection
from napari_umis_fusion.fusion.blocks._blocks import BlockRun, Survey
from napari_umis_fusion.fusion.planes import ScreenedPlanes, Sensor, passes_of
from napari_umis_fusion.fusion.run import Run
from napari_umis_fusion.fusion.seams import GreyScales
from napari_umis_fusion.preprocess import GreyConverter, GreyRange
from napari_umis_fusion.preprocess.fixed_pattern import (
    Banding,
    CodedBlocks,
    FixedPattern,
    Wave,
    Waves,
)
from napari_umis_fusion.preprocess.health import LightByPlace, MovingParts, PlaneHealth, Specks
from napari_umis_fusion.preprocess.illumination import Defects, Illumination, IlluminationProfile
from napari_umis_fusion.runtime import load_data, save_data


@dataclass(frozen=True, slots=True, eq=False)
class FieldSurvey:
    """What must be known of whole planes before a part of them is fused.

    Attributes
    ----------
    alignment : Alignment or None
        Where planes are, if that was asked for.
    healths : tuple of PlaneHealth
        What was found of each plane.
    specks : dict of int to Specks
        Pixels that one plane alone records, by plane.
    moving : MovingParts or None
        Parts of planes that do not count.
    grey_range : GreyRange
        The grey levels.
    limits : tuple of float, or None
        Dark and bright values of the middle plane, if the measure needs them.
    pattern : FixedPattern or None
        What stands still on the sensor.
    mosaic_px : int
        Whether planes are a Bayer mosaic.
    scales : GreyScales or None
        The unit of the measure.
    notes : tuple of str
        What the survey left out.
    light : {"auto", "none", "measure", "output"}
        What is done about the light; not what was asked for, where it was found to change.
    """

    alignment: Alignment | None
    healths: tuple[PlaneHealth, ...]
    specks: dict[int, Specks]
    moving: MovingParts | None
    grey_range: GreyRange
    limits: tuple[float, float] | None
    pattern: FixedPattern | None
    mosaic_px: int
    scales: GreyScales | None
    notes: tuple[str, ...] = ()
    light: LightCorrection = "auto"

    @classmethod
    def of(cls, found: Survey, alignment: Alignment | None) -> Self:
        """Return the data of a survey."""
        planes, sensor = found.planes, found.run.sensor
        return cls(
            alignment,
            tuple(planes.healths),
            dict(planes.specks),
            planes.moving,
            found.to_grey.range,
            found.to_grey.limits,
            sensor.pattern,
            sensor.mosaic_px,
            found.scales,
            light=found.run.config.light,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load what `save` saved; raises `StackFileError` for anything else."""
        found: Self = load_data(path, _KINDS)
        return found

    def save(self, path: Path) -> None:
        """Save as an ``.npz`` file, atomically."""
        save_data(self, path)

    def known_to(self, blocks: BlockRun) -> Survey:
        """Return the survey as blocks of the same stack take it; no plane is read."""
        stack, config, workers = blocks.stack, blocks.config, blocks.workers
        passes = passes_of(config, len(stack))
        sensor = Sensor(stack, config, blocks.workspace, workers)
        sensor = sensor.knowing(self.pattern, mosaic_px=self.mosaic_px)
        run = Run(stack, config, passes, blocks.workspace, workers, sensor)
        found = self.healths, self.specks, self.moving
        planes = ScreenedPlanes(stack, config, workers, *found)
        to_grey = GreyConverter.knowing(stack, config.channel, self.grey_range, self.limits)
        return Survey(run, planes, to_grey, self.scales)


_KINDS = (
    FieldSurvey,
    *(Alignment, PlaneMotion, IlluminationProfile, Illumination, Defects),
    *(PlaneHealth, LightByPlace, Specks, MovingParts, GreyRange, GreyScales, FixedPattern, Banding),
    *(Wave, Waves, CodedBlocks),
)
