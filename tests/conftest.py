from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).parents[2] / "shared" / "golden"


@pytest.fixture(autouse=True)
def _folders_of_the_test(tmp_path_factory, monkeypatch):
    """Keep tests away from the models and trainings of whoever runs them."""
    for variable in ("UMIS_FUSION_MODELS", "UMIS_FUSION_TRAININGS"):
        monkeypatch.setenv(variable, str(tmp_path_factory.mktemp("own") / variable))


@pytest.fixture(scope="session")
def golden():
    """What the reference method made of a small stack, step by step."""
    if not (GOLDEN / "reference.npz").is_file():
        pytest.skip("the reference's own outputs are not here (../shared/golden)")
    with np.load(GOLDEN / "reference.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def golden_weights(golden):
    """The checkpoint that made them, as the original saves it."""
    return GOLDEN / "weights.pth"


@pytest.fixture(scope="session")
def ranker_weights(tmp_path_factory):
    """Weights that training of the ranking network starts from: a classical measure."""
    import torch

    from napari_umis_fusion.network.plane_ranker import PlaneRanker
    from napari_umis_fusion.network.weights import save_checkpoint

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return save_checkpoint(tmp_path_factory.mktemp("w") / "w.safetensors", PlaneRanker())


@pytest.fixture(scope="session")
def busy_ranker():
    """Return a network whose every part matters, unlike that which training starts from."""
    import torch

    from napari_umis_fusion.network.plane_ranker import PlaneRanker

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = PlaneRanker().eval()
        torch.nn.init.normal_(model.head.weight, 0, 0.3)
        torch.nn.init.normal_(model.prior.weight, 0, 0.3)
    return model


@pytest.fixture(params=["jit", "no jit"])
def jit(request, monkeypatch):
    """Run with compiled kernels, then as Python, where an index out of bounds is an error.

    The test module names the modules that hold the kernels in KERNEL_MODULES.
    """
    if request.param == "no jit":
        for module in request.module.KERNEL_MODULES:
            for name, item in list(vars(module).items()):
                if hasattr(item, "py_func"):
                    monkeypatch.setattr(module, name, item.py_func)
    return request.param
