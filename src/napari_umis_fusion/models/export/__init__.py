"""Export networks: safetensors, ONNX, and packages for the BioImage Model Zoo."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
