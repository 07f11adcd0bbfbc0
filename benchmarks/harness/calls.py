"""Child process: times `fuse` on an array in memory, after one call that warms up."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.stopwatch import time_calls
from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.files import open_stack


def load(folder: Path, dtype: str | None) -> NDArray[Any]:
    """Read a stack whole, and convert it so that its content stays what it is."""
    stack = np.stack(list(open_stack(folder)))
    if dtype is None or stack.dtype == dtype:
        return stack
    if dtype == "bool":
        return stack > np.median(stack)
    if dtype == "uint8":
        return (stack >> 8).astype(np.uint8)
    if dtype == "float16":
        return (stack / 65535).astype(np.float16)
    return stack.astype(dtype)


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    array = load(Path(request["folder"]), request.get("dtype"))
    settings = FusionConfig(**request.get("config", {}))
    print(json.dumps(time_calls(lambda: fuse(array, settings), request["calls"])))
