from ._defects import DefectFinder as DefectFinder
from ._defects import Defects as Defects
from ._gains import GainEstimator as GainEstimator
from ._illumination import Illumination as Illumination
from ._profile import IlluminationProfile as IlluminationProfile
