from .export import export_model as export_model
from .library import Model as Model
from .library import ModelLibrary as ModelLibrary
