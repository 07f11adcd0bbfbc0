"""Run by the Python that has shinestacker, which has no command line: fuses a folder.

Grey planes are given to it as colour, the only kind that it takes.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import cv2
from shinestacker.algorithms import DepthMapStack, FocusStack, PyramidStack, StackJob

ALGORITHMS = {"pyramid": PyramidStack, "depth_map": DepthMapStack}


def fuse(folder: Path, out: Path, algorithm: str) -> None:
    """Fuse the planes in a folder with the defaults of an algorithm, aligned as they are."""
    with tempfile.TemporaryDirectory() as work:
        Path(work, "planes").mkdir()
        for file in folder.iterdir():
            colour = cv2.imread(str(file), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
            cv2.imwrite(str(Path(work, "planes", file.name)), colour)
        job = StackJob("job", work, input_path="planes")
        job.add_action(FocusStack("fused", ALGORITHMS[algorithm]()))
        job.run()
        (written,) = Path(work, "fused").iterdir()
        shutil.copy(written, out)


if __name__ == "__main__":
    fuse(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
