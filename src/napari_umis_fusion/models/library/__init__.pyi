from ._describe import model_facts as model_facts
from ._header import focus_measure_of as focus_measure_of
from ._library import ModelLibrary as ModelLibrary
from ._library import find_weights as find_weights
from ._model import HASH_SHOWN as HASH_SHOWN
from ._model import Model as Model
from ._names import file_stem as file_stem
from ._shipped import shipped_models as shipped_models
