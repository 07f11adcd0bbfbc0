"""Child process, as small as can be: runs one program and says what it took."""

import json
import sys

from harness.processes import ProgramError, run

if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    try:
        usage = run(request["command"])
    except ProgramError as error:
        print(json.dumps({"error": str(error)}))
    else:
        print(json.dumps({"seconds": usage.seconds, "peak_mb": usage.peak_mb}))
