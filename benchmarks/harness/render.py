"""Child process: renders one `StackCase` and its truth into the cache."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from harness.cases import StackCase
from napari_umis_fusion.synthetic import make_stack

RENDERED_SIDE_PX = 512
"""Larger planes are mirrored: rendering takes long, and a benchmark looks at time."""

RENDERED_PLANES = 20
"""Planes beyond repeat those before, back and forth."""


def render(case: StackCase, cache: Path) -> None:
    """Write one uncompressed TIFF file per plane, and the truth."""
    side = min(case.side_px, RENDERED_SIDE_PX)
    rendered = make_stack(
        "discs",
        (side, side),
        planes=min(case.planes, RENDERED_PLANES),
        channels=3 if case.rgb else None,
        dtype=case.dtype,
    )
    folder = case.planes_folder(cache)
    folder.mkdir(parents=True, exist_ok=True)
    turn = [*range(len(rendered.stack)), *reversed(range(len(rendered.stack)))]
    photometric = "rgb" if case.rgb else "minisblack"
    for z in range(case.planes):
        plane = _mirrored(rendered.stack[turn[z % len(turn)]], case.side_px)
        tifffile.imwrite(folder / f"plane_{z:04d}.tif", plane, photometric=photometric)
    np.save(case.truth_file(cache), _mirrored(rendered.all_in_focus, case.side_px))


def _mirrored(plane: NDArray[Any], side_px: int) -> NDArray[Any]:
    more = side_px - plane.shape[0]
    return np.pad(plane, [(0, more), (0, more), (0, 0)][: plane.ndim], mode="symmetric")


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    where = Path(request.pop("cache"))
    render(StackCase(**request), where)
    print("null")
