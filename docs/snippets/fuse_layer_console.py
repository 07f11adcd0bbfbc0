from napari.components import ViewerModel
from napari.layers import Layer

from napari_umis_fusion import fuse_layer
from napari_umis_fusion.synthetic import textured_surface

viewer = ViewerModel()  # in napari's console, viewer is there
viewer.add_layer(Layer.create(*textured_surface()[0]))
for made in fuse_layer(viewer.layers.selection.active, blend="select"):
    new = viewer.add_layer(Layer.create(*made))
    print(new.name, new.data.shape, new.scale, new.metadata["umis_fusion"]["version"])
