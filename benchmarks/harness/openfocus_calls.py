"""Child process, run by the Python that has openfocus: times StackMFF V3 on arrays in memory."""

import json
import sys
from importlib.resources import files
from pathlib import Path

import cv2
from fusion_methods.stackmffv3 import _stackmffv3_impl

from harness.stopwatch import time_calls

if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    paths = sorted(Path(request["folder"]).iterdir())
    planes = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in paths]
    weights = str(files("weights") / "stackmff_v3_final.pth")
    print(
        json.dumps(
            time_calls(lambda: _stackmffv3_impl(planes, None, weights, False), request["calls"])
        )
    )
