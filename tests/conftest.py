import copy
import gc
import hashlib
import itertools
import os
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

GOLDEN = Path(__file__).parent / "data" / "golden"

# Threads of torch that wait for each other would keep busy the processors that other processes of
# the run need: small networks take several times as long. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


NUMBERS = itertools.count()
MOST_PROCESSES = 4
"""Each takes more than 1 GB of memory for what it imports."""


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Share whole folders out to several processes; single files are tested in this one.

    `-n0` keeps folders here too. Files stay whole, since they share what takes long to make.
    """
    is_asked = not config.pluginmanager.hasplugin("xdist") or config.option.numprocesses is not None
    if is_asked or hasattr(config, "workerinput") or config.option.collectonly:
        return
    if all(Path(one).is_dir() for one in config.args):
        config.option.numprocesses = "logical"  # 0 with --pdb
        config.option.maxprocesses = MOST_PROCESSES
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Keep the garbage collector from what is loaded now, which stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(config, items):
    """Begin with the files that have slow tests, so that none is left for one process at the end.

    Then come those with the most tests.
    """
    if not hasattr(config, "workerinput"):
        return
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in slow, -sizes[item.path], item.path))


@pytest.fixture(autouse=True)
def _folders_of_the_test(tmp_path_factory, monkeypatch):
    """Keep tests away from the models, trainings and presets of whoever runs them."""
    # not made by `mktemp`, which looks through all folders of earlier tests for a free number
    own = tmp_path_factory.getbasetemp() / f"own-{next(NUMBERS)}"
    for variable in ("UMIS_FUSION_MODELS", "UMIS_FUSION_TRAININGS", "UMIS_FUSION_PRESETS"):
        monkeypatch.setenv(variable, str(own / variable))


@pytest.fixture
def threads():
    """The threads that live now, but for those that other libraries started without Python."""

    def living():
        return {one for one in threading.enumerate() if not one.name.startswith("Dummy-")}

    return living


@pytest.fixture(scope="session")
def golden():
    """What the reference method made of a small stack, step by step; see data/README.md."""
    with np.load(GOLDEN / "reference.npz") as arrays:
        reference = dict(arrays)
    with Image.open(GOLDEN / "stack.webp") as below:
        stack = np.asarray(below.convert("RGB"))
    stack = stack.reshape(-1, *reference["decision_map"].shape, 3)
    greys = np.stack([np.asarray(Image.fromarray(plane).convert("L")) for plane in stack])
    fused = {
        f"all_in_focus_{name}": np.take_along_axis(
            stack, reference[f"index_map_{name}"][None, ..., None].astype(np.intp), axis=0
        )[0]
        for name in ("mode", "fuzzy")
    }
    # What is not stored follows from what is, and its hash says that it is the reference's own.
    for name, array in (("grey", greys), *fused.items()):
        sha256 = hashlib.sha256(array.tobytes()).hexdigest()
        assert sha256 == reference[f"{name}_sha256"], f"{name} differs from the reference's"
    return reference | fused | {"stack": stack, "grey": greys}


@pytest.fixture(scope="session")
def golden_weights(tmp_path_factory):
    """The checkpoint that made them, as the original saves it; kernels were rounded."""
    import torch

    with np.load(GOLDEN / "weights.npz") as arrays:
        stored = dict(arrays)
    state = {name: torch.from_numpy(array) for name, array in stored.items() if "|" not in name}
    for name in [key.removesuffix("|bytes") for key in stored if key.endswith("|bytes")]:
        unsigned = np.ascontiguousarray(stored[f"{name}|bytes"].T).view("<u4").astype(np.int64)
        integers = np.where(unsigned % 2, -(unsigned + 1) // 2, unsigned // 2)
        kernel = integers.astype(np.float32) * stored[f"{name}|step"]
        state[name] = torch.from_numpy(kernel.reshape(stored[f"{name}|shape"]))
    path = tmp_path_factory.mktemp("golden") / "weights.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="session")
def ranker_weights(tmp_path_factory):
    """Weights that training of the ranking network starts from: a classical measure."""
    import torch

    from napari_umis_fusion.network import PlaneRanker, save_checkpoint

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return save_checkpoint(tmp_path_factory.mktemp("w") / "w.safetensors", PlaneRanker())


@pytest.fixture(scope="session")
def busy_ranker():
    """Return a network whose every part matters, unlike that which training starts from."""
    import torch

    from napari_umis_fusion.network import PlaneRanker

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = PlaneRanker().eval()
        torch.nn.init.normal_(model.head.weight, 0, 0.3)
        torch.nn.init.normal_(model.prior.weight, 0, 0.3)
    return model


@pytest.fixture(scope="session")
def one_order_ranker(busy_ranker):
    """Return the same network as those of before, which know one order of the planes."""
    model = copy.deepcopy(busy_ranker)
    model.both_orders.zero_()
    return model


class QuickAim:
    """Pulls the weights of a plane ranker to numbers that follow from the step: quick, not wise.

    Jobs are held up for as long as a test says, so that other events come in between.
    """

    score = "psnr"
    steps_per_epoch = 5
    validation_examples = 1

    def __init__(self, model, wait_s):
        self.model, self.wait_s = model, wait_s

    def batch(self, step):
        time.sleep(self.wait_s)
        return float(np.random.default_rng(step).random())

    def losses(self, batch, device):
        time.sleep(self.wait_s)
        parts = [(part - batch).square().mean() for part in self.model.parameters()]
        return {"near": sum(parts), "far": 0.5 * max(parts)}

    def validate_example(self, index, device):
        import torch

        from napari_umis_fusion.training.objectives import ValidationExample

        time.sleep(self.wait_s)
        with torch.inference_mode():
            size = sum(float(part.square().mean()) for part in self.model.parameters())
        return ValidationExample(
            {"psnr": index + size, "loss": -size}, {"picture": np.zeros((3, 4))}
        )


@pytest.fixture
def quick_aim(monkeypatch):
    """Return a function that makes every training objective at next to nothing.

    Its attribute `aim` is the class that stands in for all of them.
    """
    import torch

    from napari_umis_fusion.network import PlaneRanker
    from napari_umis_fusion.training.loop import _train as loop

    def use(wait_s=0.0):
        def make_objective(config, images, held_out, model):
            with torch.random.fork_rng():
                torch.manual_seed(0)
                return QuickAim(model or PlaneRanker(), wait_s)

        monkeypatch.setattr(loop, "make_objective", make_objective)

    use.aim = QuickAim
    return use


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
