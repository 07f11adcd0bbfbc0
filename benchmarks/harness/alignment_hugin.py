"""Aligns the planes in a folder by hugin's align_image_stack and fuses them by enfuse.

Arguments: the program align_image_stack, the folder, the file to write.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.contenders import ENFUSE, Contender

OPTIONS = ("-m", "-C", "--use-given-order")
"""Magnification changes with the plane; what not all planes have is cut off; the planes are in
order, not to be sorted by exposure."""


def main(program: str, planes: Path, out: Path) -> None:
    enfuse = shutil.which("enfuse")
    if enfuse is None:
        sys.exit(f"enfuse is not here: {ENFUSE.install}")
    with tempfile.TemporaryDirectory() as folder:
        aligned = Path(folder)
        files = map(str, sorted(planes.iterdir()))
        subprocess.run([program, *OPTIONS, "-a", str(aligned / "aligned_"), *files], check=True)
        fuse = Contender("enfuse", (enfuse, *ENFUSE.arguments.split()))
        subprocess.run(fuse.command(aligned, out), check=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
