from ._banding import Banding as Banding
from ._find import iter_find_pattern as iter_find_pattern
from ._find import iter_sample as iter_sample
from ._fixed_pattern import FixedPattern as FixedPattern
from ._fixed_pattern import PatternRemoval as PatternRemoval
from ._samples import PlaneSamples as PlaneSamples
from ._samples import planes_to_look_at as planes_to_look_at
