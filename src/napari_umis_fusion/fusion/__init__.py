"""Fuse a z-stack into one all-in-focus image, a depth map and a confidence map.

`_fuse` opens the stack, `run/_run.py` drives the six steps, and `run/_compositor.py` takes plane
after plane. The steps of a fusion, each with its rooms and files:

1. read: `stack/_prefetch.py`, `fusion/planes/`, `preprocess/health/`;
2. align and correct: `alignment/_aligned_stack.py`, `preprocess/_grey.py`, `fusion/planes/`;
3. measure: `focus_measure/`;
4. decide: `fusion/decision/`, `fusion/seams/`, `fusion/depth/`;
5. verify: `fusion/decision/_verification.py`, `fusion/islands/`;
6. compose: `fusion/mean/`, `fusion/copies/`.

`result/` holds what they give, and how it was made; planes too large for the memory go through
`blocks/`. The page *Architecture* of the documentation says what happens in each.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
