"""The stacks that are timed. Imports next to nothing: see `harness.processes`."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class StackCase:
    """A rendered stack: size and dtype.

    Attributes
    ----------
    planes : int
        Planes along z.
    side_px : int
        Height and width.
    dtype : str
        "uint8" or "uint16".
    rgb : bool
        Whether each pixel has three samples.
    """

    planes: int
    side_px: int
    dtype: str = "uint16"
    rgb: bool = False

    @property
    def title(self) -> str:
        """What people call it."""
        colour = " RGB" if self.rgb else ""
        return f"{self.planes} x {self.side_px} x {self.side_px}{colour} {self.dtype}"

    def root(self, cache: Path) -> Path:
        """Return the folder that holds its planes and truth."""
        return cache / self.title.replace(" x ", "x").replace(" ", "_")

    def planes_folder(self, cache: Path) -> Path:
        """Return the folder with one TIFF file per plane."""
        return self.root(cache) / "planes"

    def truth_file(self, cache: Path) -> Path:
        """Return the all-in-focus truth, written last: where it is, the stack is complete."""
        return self.root(cache) / "truth.npy"


def ensure(cases: list[StackCase], cache: Path) -> None:
    """Render the stacks that the cache lacks."""
    for case in cases:
        if not case.truth_file(cache).exists():
            ask("render", cache=str(cache), **asdict(case))


def ask(module: str, python: str = sys.executable, **request: Any) -> Any:
    """Run ``harness.<module>`` in a process of its own; JSON goes in, JSON comes out."""
    benchmarks = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [benchmarks, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [python, "-m", f"harness.{module}", json.dumps(request)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)
