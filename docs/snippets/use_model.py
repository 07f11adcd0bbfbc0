from napari_umis_fusion import fuse, open_stack
from napari_umis_fusion.models import ModelLibrary

library = ModelLibrary()
for model in library.models():
    print(model.name, model.focus_measure, model.achieved, model.note)

scorpion = library.find("scorpion")
result = fuse(
    open_stack("planes/"),
    focus_measure=scorpion.focus_measure,
    checkpoint=str(scorpion.path),
)
