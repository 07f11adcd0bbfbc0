from .export import EXPORT_SUFFIXES as EXPORT_SUFFIXES
from .export import export_model as export_model
from .library import Model as Model
from .library import ModelLibrary as ModelLibrary
from .library import default_folder as default_folder
from .library import find_weights as find_weights
from .library import shipped_models as shipped_models
