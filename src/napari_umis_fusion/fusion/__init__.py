"""Fuse a z-stack into one all-in-focus image, a depth map and a confidence map.

`_fuse` opens the stack, `_run` drives the six steps, `_passes` decides how often planes are read,
and `_compositor` takes plane after plane. The steps of a fusion, each with its files:

1. read: `stack/_prefetch.py`, `fusion/_screening.py`, `preprocess/health/`;
2. align and correct: `alignment/_aligned_stack.py`, `preprocess/_grey.py`, `fusion/_sensor.py`;
3. measure: `focus_measure/`;
4. decide: `fusion/_takeovers.py`, `fusion/_merge_order.py`, `fusion/_seams.py`, `fusion/_peak.py`;
5. verify: `fusion/_verification.py`, `fusion/_islands.py`;
6. compose: `fusion/_weighted_mean.py`, `fusion/_copy_planes.py`, `fusion/_recorded_values.py`.

`_result` and `_provenance` hold what they give, and how it was made. The page *Architecture* of the
documentation says what happens in each.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
