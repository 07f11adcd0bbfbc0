"""How good an all-in-focus image and an index map are, and what each number rewards wrongly.

`psnr`, `ssim` and `index_error` need a known answer, as the stacks of
`napari_umis_fusion.synthetic` have. `false_edge_rate`, `edge_preservation` and
`mutual_information` need only the stack. `average_gradient`, `spatial_frequency`, `entropy` and
`standard_deviation` need nothing, and noise raises all of them: never claim quality with those
alone.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
