from ._layer_attributes import FILE_KEY as FILE_KEY
from ._layer_attributes import RUN_KEY as RUN_KEY
from ._layer_attributes import LayerData as LayerData
from ._layer_image import LayerImage as LayerImage
from ._layer_image import layer_image as layer_image
