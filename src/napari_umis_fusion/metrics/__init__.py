"""How good an all-in-focus image and an index map are, and what each number rewards wrongly.

`psnr`, `ssim` and `index_error` need a known answer, as the stacks of
`napari_umis_fusion.synthetic` have. `false_edge_rate`, `edge_preservation` and
`mutual_information` need only the stack. `average_gradient`, `spatial_frequency`, `entropy` and
`standard_deviation` need nothing, and noise raises all of them: never claim quality with those
alone.
"""

from napari_umis_fusion.metrics.against_stack import (
    edge_preservation,
    false_edge_rate,
    mutual_information,
)
from napari_umis_fusion.metrics.grey import GreyRange
from napari_umis_fusion.metrics.image_alone import (
    average_gradient,
    entropy,
    spatial_frequency,
    standard_deviation,
)
from napari_umis_fusion.metrics.with_truth import IndexDeviation, index_error, psnr, ssim

__all__ = [
    "GreyRange",
    "IndexDeviation",
    "average_gradient",
    "edge_preservation",
    "entropy",
    "false_edge_rate",
    "index_error",
    "mutual_information",
    "psnr",
    "spatial_frequency",
    "ssim",
    "standard_deviation",
]
