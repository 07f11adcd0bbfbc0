from ._about import ImageAbout as ImageAbout
from ._formats import check_output_path as check_output_path
from ._image import naming_write_errors as naming_write_errors
from ._image import write_image as write_image
from ._layers import write_folder as write_folder
from ._layers import write_image_layer as write_image_layer
from ._layers import write_series as write_series
from ._picture import write_picture as write_picture
