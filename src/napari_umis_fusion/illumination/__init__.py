"""What the lamp and the sensor add to a stack: flicker, fading, hot and dead pixels, dust.

All of it is gathered in one pass over the planes, in memory that grows with them by a small table
only. It is for the focus measure; recorded values stay as they are unless asked for.
"""

from napari_umis_fusion.illumination.correcting import Illumination
from napari_umis_fusion.illumination.defects import DefectFinder, Defects
from napari_umis_fusion.illumination.gains import GainEstimator
from napari_umis_fusion.illumination.light import Light

__all__ = ["DefectFinder", "Defects", "GainEstimator", "Illumination", "Light"]
