from ._base import base_bytes as base_bytes
from ._edge_limits import EdgeLimits as EdgeLimits
from ._edge_limits import gradients as gradients
from ._edge_limits import highest_around as highest_around
from ._fine_detail import detail_bytes as detail_bytes
from ._mean_correction import MeanCorrection as MeanCorrection
from ._weighted_mean import WeightedMean as WeightedMean
