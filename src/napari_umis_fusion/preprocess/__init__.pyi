from ._grey import OUTLIERS_PERCENT as OUTLIERS_PERCENT
from ._grey import GreyConverter as GreyConverter
from ._grey import GreyRange as GreyRange
from ._grey import comparable as comparable
from ._grey import percentile_limits as percentile_limits
from ._grey import reference_unit_grey as reference_unit_grey
from ._median import REACH_PX as REACH_PX
from ._median import median_5x5 as median_5x5
