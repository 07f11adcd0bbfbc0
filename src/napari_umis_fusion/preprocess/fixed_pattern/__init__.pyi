from ._find import iter_find_pattern as iter_find_pattern
from ._fixed_pattern import FixedPattern as FixedPattern
from ._fixed_pattern import PatternRemoval as PatternRemoval
