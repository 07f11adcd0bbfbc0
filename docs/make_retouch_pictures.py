"""Retouch a real stack with 40 strokes, and make the picture of what they changed.

    python docs/make_retouch_pictures.py STACKS [--output docs/pictures]

Takes a part of a pseudoscorpion (la3lma, Apache-2.0) from a folder of real stacks, and prints how
many pixels were chosen, and how many changed. A leg crosses others above them: near the body, the
fusion took the planes of those below.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from napari_umis_fusion import FusionResult, fuse

STACK, ROWS, COLUMNS = "scorpion_la3lma", slice(1290, 1930), slice(480, 1240)
GAP_PX = 6

STROKES = {
    # the leg in front, and what lies dark in it
    6: (
        *((30, 20, 158, 110, 204), (30, 20, 182, 110, 226), (30, 110, 192, 200, 238)),
        *((30, 110, 216, 200, 262), (24, 60, 172, 200, 244), (26, 90, 206, 190, 256)),
        *((22, 28, 150, 60, 160), (24, 30, 150, 120, 196), (22, 120, 196, 190, 226)),
        *((24, 490, 222, 630, 218), (20, 40, 200, 110, 238), (30, 500, 345, 620, 330)),
        *((30, 500, 350, 560, 350), (30, 560, 360, 630, 345), (24, 520, 330, 600, 325)),
        (30, 500, 205, 630, 205),
    ),
    # the background beside legs that are sharp in plane 4, where nothing is in focus
    4: (
        *((44, 600, 90, 520, 170), (44, 630, 110, 560, 180), (40, 630, 150, 590, 185)),
        *((50, 560, 520, 630, 510), (50, 540, 570, 620, 560), (50, 540, 620, 620, 610)),
        *((50, 540, 670, 590, 660), (40, 530, 720, 560, 700), (40, 620, 520, 620, 640)),
        *((50, 300, 690, 350, 690), (50, 330, 720, 380, 740), (40, 370, 640, 400, 660)),
        *((40, 350, 650, 390, 700), (40, 440, 640, 450, 650), (40, 460, 700, 480, 740)),
        *((40, 350, 750, 400, 750), (24, 375, 25, 385, 30), (24, 395, 80, 410, 85)),
        (24, 460, 15, 490, 5),
    ),
    5: (
        *((30, 75, 388, 105, 402), (30, 75, 438, 105, 424), (26, 84, 400, 84, 432)),
        *((26, 105, 412, 118, 414), (30, 485, 178, 495, 190)),
    ),
}
"""For each plane: width of the brush, and row and column where a stroke begins and ends."""


def main() -> None:
    """Fuse, retouch, and save the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stacks", type=Path)
    parser.add_argument("--output", type=Path, default=Path("docs/pictures"))
    arguments = parser.parse_args()
    planes = sorted((arguments.stacks / STACK).glob("f*"))
    stack = np.stack([np.asarray(Image.open(path))[ROWS, COLUMNS] for path in planes])
    overrides = painted(stack.shape[1:3])
    before = fuse(stack)
    after = before.with_overrides(stack, overrides)
    changed = (before.all_in_focus != after.all_in_focus).any(axis=-1)
    other = before.index_map != after.index_map
    print(f"{sum(map(len, STROKES.values()))} strokes")
    for what, part in (("chosen", overrides > 0), ("other plane", other), ("value", changed)):
        print(f"{what}: {part.sum()} pixels, {100 * part.mean():.1f} %")
    difference = np.abs(before.all_in_focus.astype(int) - after.all_in_focus)
    print(f"mean difference of changed pixels: {difference[changed].mean():.1f} grey levels")
    save(arguments.output / "retouch-strokes.jpg", before, after, overrides)


def painted(shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Return the overrides that the strokes paint."""
    overrides = np.zeros(shape, np.uint16)
    y, x = np.indices(shape)
    for plane, strokes in STROKES.items():
        for width, *ends in strokes:
            start, end = np.array(ends[:2], float), np.array(ends[2:], float)
            along = end - start
            share = ((y - start[0]) * along[0] + (x - start[1]) * along[1]) / (along @ along)
            share = np.clip(share, 0, 1)
            away = np.hypot(y - start[0] - share * along[0], x - start[1] - share * along[1])
            overrides[away <= width / 2] = plane + 1
    return overrides


def save(
    path: Path, before: FusionResult, after: FusionResult, overrides: NDArray[np.uint16]
) -> None:
    """Save images and index maps, before and after, with the strokes and what they changed."""
    count = before.index_map.max() + 1
    marked = before.all_in_focus // 2 + 100
    marked[overrides > 0] = coloured(overrides - 1, count)[overrides > 0]
    rise = np.abs(before.all_in_focus.astype(int) - after.all_in_focus).max(axis=-1)
    changed = 255 - np.repeat(np.clip(3 * rise, 0, 255)[..., None], 3, axis=2)
    tiles = [
        [before.all_in_focus, after.all_in_focus, marked],
        [coloured(before.index_map, count), coloured(after.index_map, count), changed],
    ]
    rows = [np.hstack([with_gap(one, 1) for one in row]) for row in tiles]
    whole = np.vstack([with_gap(one, 0) for one in rows])
    image = Image.fromarray(whole.astype(np.uint8))
    image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS).save(
        path, quality=85
    )


def coloured(planes: NDArray[np.uint16], count: int) -> NDArray[np.uint8]:
    """Return the colours of planes."""
    shades = colormaps["viridis"](planes / (count - 1))[..., :3]
    return (255 * shades).astype(np.uint8)


def with_gap(image: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    """Return an image with a white margin at the end of an axis."""
    margin = [(0, 0), (0, 0), (0, 0)]
    margin[axis] = (0, 2 * GAP_PX)
    return np.pad(image, margin, constant_values=255)


if __name__ == "__main__":
    main()
