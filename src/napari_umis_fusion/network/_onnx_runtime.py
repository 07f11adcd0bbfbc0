"""ONNX Runtime, imported so that it sends nothing.

From version 1.29 it reports to Microsoft by default, and keeps an identifier on the disk. Images of
a laboratory are nobody else's business, nor is who computes.
"""

import os
from functools import cache
from types import ModuleType

TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY"
"""Environment variable of ONNX Runtime, read when it is imported; users may set it to "0"."""


@cache
def onnx_runtime() -> ModuleType:
    """Import ONNX Runtime with its telemetry switched off."""
    os.environ.setdefault(TELEMETRY_VARIABLE, "1")
    import onnxruntime

    if os.environ[TELEMETRY_VARIABLE] == "1":
        onnxruntime.disable_telemetry_events()  # on Windows, which has no variable
    module: ModuleType = onnxruntime
    return module
