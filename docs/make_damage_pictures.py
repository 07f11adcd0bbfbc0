"""Make the pictures of the page on damaged stacks, in docs/pictures.

Run it with a folder of real stacks: ``python docs/make_damage_pictures.py STACKS``. It takes a
pseudoscorpion (la3lma, Apache-2.0) and microtubules (ZJUOPTKuangLab, MIT), damages their planes,
and fuses what is left.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_umis_fusion import fuse
from napari_umis_fusion.files.read import open_stack

PICTURES = Path(__file__).parent / "pictures"
GAP_PX = 8
SHOWN = slice(70, 230), slice(130, 370)
"""What is shown of the part that is fused, so that no border is in the picture."""

CORNER = slice(0, 160), slice(0, 240)

PLANE = 5
"""The plane that is damaged, where it is one; it is in focus in the middle of the picture."""

Stack = NDArray[Any]


def main(folder: Path) -> None:
    """Make all pictures: a damaged plane, its stack fused, and the stack fused without damage."""
    stack = part_of(folder / "scorpion_la3lma", slice(1260, 1580), slice(820, 1220))
    undamaged = fuse(stack).all_in_focus
    for damage in (dropped, torn, exposed, specks, pattern):
        spoilt, found = damage(stack), fused(damage.__name__, damage(stack))
        save(damage.__name__, SHOWN, spoilt[PLANE], found, undamaged)
    mosaic = bayer(stack)
    found = fused("bayer", mosaic)
    save("bayer", SHOWN, mosaic[PLANE], found, bayer(undamaged[np.newaxis])[0])
    shifted = padded(stack)
    found = fused("padded", shifted)
    save("padded", CORNER, shifted[PLANE], found, undamaged)
    cells = part_of(folder / "microtubules_dfnn", slice(90, 410), slice(60, 460))[::2]
    swum = swimmer(cells)
    images = fuse(swum).all_in_focus, fused("swimmer", swum, moving="reject")
    save("swimmer", SHOWN, *images, fuse(cells).all_in_focus)


def part_of(folder: Path, *window: slice) -> Stack:
    """Read a part of all planes."""
    planes = open_stack(folder)
    return np.stack([planes.plane(z)[window] for z in range(len(planes))])


def fused(name: str, stack: Stack, **options: Any) -> Stack:
    """Fuse a stack, and say what was found."""
    result = fuse(stack, **options)
    print(f"{name}: {'; '.join(result.notes)}")
    return result.all_in_focus


def dropped(stack: Stack) -> Stack:
    """Lose a frame."""
    spoilt = stack.copy()
    spoilt[PLANE] = 0
    return spoilt


def torn(stack: Stack) -> Stack:
    """Lose the rest of a frame."""
    spoilt = stack.copy()
    spoilt[PLANE, 150:] = 0
    return spoilt


def exposed(stack: Stack) -> Stack:
    """Expose a frame for less than half of the time."""
    spoilt = stack.copy()
    spoilt[PLANE] = np.rint(0.4 * stack[PLANE])
    return spoilt


def specks(stack: Stack) -> Stack:
    """Let other pixels flash in each plane."""
    rng, spoilt = np.random.default_rng(1), stack.copy()
    height, width = stack.shape[1:3]
    for plane in spoilt:
        plane[rng.integers(0, height, 100), rng.integers(0, width, 100)] = 255
    return spoilt


def pattern(stack: Stack) -> Stack:
    """Give each column of the sensor an offset of its own."""
    offsets = np.random.default_rng(5).normal(0, 4, stack.shape[2])
    return np.clip(np.rint(stack + offsets[:, np.newaxis]), 0, 255).astype(np.uint8)


def padded(stack: Stack) -> Stack:
    """Put nothing where planes end that other software has shifted."""
    spoilt = stack.copy()
    for z, plane in enumerate(spoilt):
        plane[: 4 * z] = plane[:, : 6 * z] = 0
    return spoilt


def swimmer(stack: Stack) -> Stack:
    """Let something dark swim through the picture while the planes are taken."""
    rows, columns = np.indices(stack.shape[1:3])
    spoilt = stack.astype(np.float64)
    for z, plane in enumerate(spoilt):
        middle = 80 + 10 * z, 140 + 15 * z
        distance = ((rows - middle[0]) / 5) ** 2 + ((columns - middle[1]) / 11) ** 2
        plane *= 1 - 0.7 * np.exp(-(distance**2))
    return np.rint(spoilt).astype(stack.dtype)


def bayer(stack: Stack) -> Stack:
    """Return what the sensor recorded before colours were interpolated."""
    mosaic = stack[..., 1].copy()
    mosaic[:, 0::2, 0::2] = stack[:, 0::2, 0::2, 0]
    mosaic[:, 1::2, 1::2] = stack[:, 1::2, 1::2, 2]
    return mosaic


def save(name: str, window: tuple[slice, slice], *images: Stack) -> None:
    """Put a part of images side by side at their size."""
    shown = [image[window] for image in images]
    brightest = np.percentile(shown, 99.9) if shown[0].dtype == np.uint16 else 255
    height, width = shown[0].shape[:2]
    row = Image.new("RGB", (len(shown) * (width + GAP_PX) - GAP_PX, height), "white")
    for k, image in enumerate(shown):
        levels = np.clip(image * (255 / brightest), 0, 255).astype(np.uint8)
        row.paste(Image.fromarray(levels), (k * (width + GAP_PX), 0))
    path = PICTURES / f"damage-{name}.jpg"
    row.save(path, quality=90)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
