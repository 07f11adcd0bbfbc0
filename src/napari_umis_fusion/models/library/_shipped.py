"""The weights that come with this package, as models."""

from napari_umis_fusion.models.library._header import SUFFIX
from napari_umis_fusion.models.library._model import Model, read_model
from napari_umis_fusion.network import SHIPPED


def shipped_models() -> list[Model]:
    """Return the weights that come with this package; they cannot be changed."""
    return [read_model(path, is_shipped=True) for path in sorted(SHIPPED.glob(f"*{SUFFIX}"))]
