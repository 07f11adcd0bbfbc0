"""Child process: looks whether what a contender wrote is a fused image at all."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.files import open_stack
from napari_umis_fusion.metrics import psnr


def check(output: Path, truth_file: Path) -> dict[str, Any]:
    """Return dtype and PSNR (dB) against the truth; raise where the size is wrong."""
    truth = np.load(truth_file)
    image = open_stack(output).plane(0)
    if truth.ndim == 2 and image.ndim == 3:
        image = image[..., 0]  # some programs make RGB of grey
    elif truth.ndim == 3:
        image = image[..., :3]  # some add opacity
    if image.shape != truth.shape:
        raise SystemExit(f"{output}: wrote {image.shape}, the stack has {truth.shape}")
    levels = np.iinfo(image.dtype).max
    scale = levels / (255 if truth.max() <= 255 else 65535)
    return {"dtype": str(image.dtype), "psnr": psnr(image, truth * scale, data_range=levels)}


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    print(json.dumps(check(Path(request["output"]), Path(request["truth"]))))
