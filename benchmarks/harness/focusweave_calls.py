"""Child process, run by the Python that has focusweave: times its call on arrays in memory."""

import json
import sys
from pathlib import Path

from focusweave import FocusStackConfig, load_image, run

from harness.stopwatch import time_calls

if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    planes = [load_image(path) for path in sorted(Path(request["folder"]).iterdir())]
    settings = FocusStackConfig(images=planes, no_align=True, keep_size=True)
    print(json.dumps(time_calls(lambda: run(settings), request["calls"])))
