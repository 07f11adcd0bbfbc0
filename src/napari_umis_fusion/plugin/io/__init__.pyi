from ._reader import get_reader as get_reader
from ._samples import colour_macro as colour_macro
from ._samples import noisy_fluorescence as noisy_fluorescence
from ._samples import textured_surface as textured_surface
from ._writer import write_folder as write_folder
from ._writer import write_image_layer as write_image_layer
from ._writer import write_picture as write_picture
from ._writer import write_series as write_series
