from .exporting import EXPORT_SUFFIXES as EXPORT_SUFFIXES
from .exporting import export_model as export_model
from .library import ModelLibrary as ModelLibrary
from .library import default_folder as default_folder
from .library import find_weights as find_weights
from .model import Model as Model
from .shipped import shipped_models as shipped_models
