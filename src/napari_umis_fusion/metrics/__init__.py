"""Metrics of all-in-focus images and index maps, and what each of them rewards wrongly.

`psnr`, `ssim` and `index_error` need the truth, as stacks of `napari_umis_fusion.synthetic` have
it. `false_edge_rate`, `edge_preservation` and `mutual_information` need only the stack.
`average_gradient`, `spatial_frequency`, `entropy` and `standard_deviation` need only the image,
and noise raises all of them: never claim quality with those alone.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
