from ._description import DEFAULT_LICENCE as DEFAULT_LICENCE
from ._export import EXPORT_SUFFIXES as EXPORT_SUFFIXES
from ._export import export_model as export_model
