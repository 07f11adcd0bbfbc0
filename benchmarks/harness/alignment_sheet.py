"""Contact sheets: the same places of several images, pixel by pixel, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_umis_fusion.alignment import Transform, apply

ACROSS = 6

_LABEL_PX, _GAP_PX = 14, 4
_GROUND = (255, 255, 255)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """An image, and where it has the points of the first image of the sheet."""

    label: str
    image: NDArray[np.uint8]
    place: Transform


def draw(
    columns: Sequence[Column], middles: Sequence[tuple[int, int]], size_px: int, file: Path
) -> None:
    """Write crops about places of the first image: all images of a place, then the next place.

    Crops are cut at whole pixels and neither turned nor enlarged.
    """
    lines = -(-len(columns) // ACROSS)
    wide, high = size_px + _GAP_PX, size_px + _LABEL_PX + _GAP_PX
    size = (wide * min(ACROSS, len(columns)), high * lines * len(middles))
    sheet = Image.new("RGB", size, _GROUND)
    pen = ImageDraw.Draw(sheet)
    for (place, middle), (number, column) in product(enumerate(middles), enumerate(columns)):
        down, across = divmod(number, ACROSS)
        x, y = across * wide, (place * lines + down) * high
        pen.text((x + 2, y + 1), column.label, fill=(0, 0, 0))
        top, left = np.rint(apply(column.place, middle)).astype(int) - size_px // 2
        image = Image.fromarray(column.image).convert("RGB")
        sheet.paste(image.crop((left, top, left + size_px, top + size_px)), (x, y + _LABEL_PX))
    sheet.save(file)
