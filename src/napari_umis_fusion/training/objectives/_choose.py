"""Create the objective of a config."""

from torch import nn

from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training.data import ImageSet
from napari_umis_fusion.training.objectives._objective import Objective


def make_objective(
    config: TrainingConfig, images: ImageSet, held_out: ImageSet, model: nn.Module | None
) -> Objective:
    """Return the objective of a config; without a model, it creates an untrained network."""
    if config.objective == "select":
        from napari_umis_fusion.training.objectives._select import SelectObjective

        return SelectObjective(config, images, held_out, model)
    from napari_umis_fusion.training.objectives._reconstruct import ReconstructObjective

    return ReconstructObjective(config, images, held_out, model)
