import numpy as np

from napari_umis_fusion import fuse
from napari_umis_fusion.errors import StackError

try:
    fuse(np.zeros((512, 512), np.uint8))  # one plane without a z axis
except StackError as error:
    print(error)
