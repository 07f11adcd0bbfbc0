"""Folders with small stacks."""

import numpy as np
import pytest
import tifffile

from napari_umis_fusion.synthetic import make_stack


@pytest.fixture(scope="session")
def planes():
    return make_stack("bumps", (40, 48), planes=4, channels=None).stack.astype(np.uint8)


@pytest.fixture
def put(planes):
    """Write planes under names that a pattern makes."""

    def write(folder, pattern, count=4, darker=0):
        folder.mkdir(parents=True, exist_ok=True)
        for z in range(count):
            tifffile.imwrite(folder / pattern.format(z=z), planes[z] - planes.dtype.type(darker))

    return write
