"""The measure 'learned': from the network's scores to focus, also where memory runs out."""

import numpy as np
import pytest
import torch

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.focus_measure import LearnedFocusMeasure
from napari_umis_fusion.focus_measure import _learned as measure_module
from napari_umis_fusion.focus_measure import _torch_scorer as module
from napari_umis_fusion.network import (
    Checkpoint,
    OnnxTwoScaleStream,
    PlaneRanker,
    TwoScaleStream,
    load_checkpoint,
)
from napari_umis_fusion.runtime import Workers, run_to_end


@pytest.fixture(scope="module", autouse=True)
def _exact():
    """Compute in 32 bits, whatever the CPU prefers, so that runs can be compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "computes_bfloat16", lambda device: False)
        yield


@pytest.fixture(scope="module")
def weights(ranker_weights):
    return ranker_weights


@pytest.fixture(scope="module")
def config():
    return FusionConfig("learned", device="cpu")


def measured(source, planes, config, *, strip_rows=None, contrast=255.0):
    """Return the measure, and its two maps of each plane."""
    with Workers(2) as workers:
        measure = LearnedFocusMeasure(source, config, contrast, workers, strip_rows)
        focus, maps = np.empty(planes.shape[1:], np.float32), []
        for z, plane in enumerate(planes):
            run_to_end(measure.iter_add(plane, plane))
            if z >= measure.delay_planes:
                weight = run_to_end(measure.iter_fill(focus))
                maps.append((focus.copy(), weight))
        run_to_end(measure.iter_end())
        while len(maps) < len(planes):
            weight = run_to_end(measure.iter_fill(focus))
            maps.append((focus.copy(), weight))
    return measure, np.array(maps)


@pytest.fixture(scope="module")
def tall():
    """Enough rows for several strips."""
    rng = np.random.default_rng(0)
    sharp = rng.uniform(10, 60, (9, 1, 1))
    return (100 + sharp * rng.normal(size=(9, 300, 20))).astype(np.float32)


@pytest.fixture(scope="module")
def expected(weights, tall, config):
    return measured(weights, tall, config)[1]


def test_focus_is_the_exponential_of_the_lead_over_the_first_plane(weights, tall, config):
    planes = tall[:, :64]
    maps = measured(weights, planes, config)[1]
    model = load_checkpoint(weights).model()
    stream = TwoScaleStream(model, torch.device("cpu"), (64, 20), 64, half=False)
    told = [stream.push(plane / np.float32(255)) for plane in planes]
    scores = [score for score in (*told, *stream.end()) if score is not None]
    for k, (name, factor) in enumerate([("select", 1), ("weigh", 0.5)]):
        score = np.stack([getattr(each, name).numpy() for each in scores])
        lead = factor * (score - score[:1])
        np.testing.assert_allclose(np.log(maps[:, k]), np.clip(lead, -60, 60), atol=0.05)


@pytest.fixture
def with_torch(monkeypatch):
    """Let torch compute, as where ONNX Runtime is missing."""
    monkeypatch.setattr(measure_module, "runs_without_torch", lambda wanted: False)


def test_torch_measures_the_same(weights, tall, config, expected, with_torch):
    maps = measured(weights, tall, config)[1]
    np.testing.assert_allclose(maps, expected, rtol=1e-3)


@pytest.mark.parametrize("strip_rows", [64, 160])
def test_strips_change_nothing(weights, tall, config, expected, strip_rows, with_torch):
    maps = measured(weights, tall, config, strip_rows=strip_rows)[1]
    np.testing.assert_allclose(maps, expected, rtol=1e-3)


@pytest.mark.parametrize("kind", [str, load_checkpoint, lambda path: load_checkpoint(path).model()])
def test_sources(weights, tall, config, kind):
    source = kind(weights)
    planes = tall[:4, :32]
    measure, maps = measured(source, planes, config)
    np.testing.assert_array_equal(maps, measured(weights, planes, config)[1])
    assert isinstance(measure.checkpoint, Checkpoint) == (not isinstance(source, PlaneRanker))
    sha256 = {"weights_sha256"} if measure.checkpoint else set()
    assert set(measure.provenance()) == {"device"} | sha256


def test_weights_come_with_the_package(config):
    with Workers(1) as workers:
        measure = LearnedFocusMeasure(None, config, 255, workers)
    assert measure.checkpoint.architecture == "plane-ranker"


class Hungry(TwoScaleStream):
    """A stream that runs on the CPU, says that it is elsewhere, and may run out of memory."""

    fits = staticmethod(lambda device, rows: True)
    made: list = []  # noqa: RUF012

    def __init__(self, model, device, size, strip_rows, **options):
        super().__init__(model, torch.device("cpu"), size, strip_rows, **options)
        self.place = device.type, strip_rows
        self.made.append(self.place)

    def push(self, plane):
        scores = super().push(plane)
        self._check()
        return scores

    def end(self):
        yield from super().end()
        self._check()

    def _check(self):
        if not self.fits(*self.place):
            raise torch.cuda.OutOfMemoryError("out of memory")


@pytest.fixture
def hungry(monkeypatch, with_torch):
    """Make a graphics card of a CPU, on which memory runs out when it is told to."""
    monkeypatch.setattr(module, "TwoScaleStream", Hungry)
    monkeypatch.setattr(module, "choose_device", torch.device)
    monkeypatch.setattr(Hungry, "made", [])

    def start(fits, device="cuda"):
        monkeypatch.setattr(Hungry, "fits", staticmethod(fits))
        return FusionConfig("learned", device=device)

    return start


SHORTER = [
    "cuda",
    lambda d, r: r <= 75,
    [300, 150, 75],
    ["strips of 150 rows", "strips of 75 rows"],
]
ON_THE_CPU = ["cpu", lambda d, r: r <= 150, [300, 150], ["strips of 150 rows"]]
ELSEWHERE = [
    "cuda",
    lambda d, r: d == "cpu",
    [300, 150, 75, "cpu"],
    ["strips of 150 rows", "strips of 75 rows", "fell back to the cpu"],
]


@pytest.mark.parametrize(
    ("device", "fits", "places", "notes", "after"),
    [
        (*SHORTER, 0),
        (*ON_THE_CPU, 2),
        *((*ELSEWHERE, after) for after in (0, 2, 5, "at the end")),
    ],
)
def test_out_of_memory(weights, tall, expected, hungry, device, fits, places, notes, after):
    """Whenever it happens, the planes in sight are taken up again and nothing is lost."""
    pushed = []

    def enough(*place):
        pushed.append(place)
        return len(pushed) <= (len(tall) if after == "at the end" else after) or fits(*place)

    measure, maps = measured(weights, tall, hungry(enough, device))
    np.testing.assert_allclose(maps, expected, rtol=1e-3)
    assert measure.notes == [f"{device} ran out of memory: {note}" for note in notes]
    made = Hungry.made
    assert made == [("cpu", 300) if rows == "cpu" else (device, rows) for rows in places]
    assert measure.provenance()["device"] == made[-1][0]


def test_no_memory_at_all(weights, tall, hungry):
    with pytest.raises(DeviceError, match="the cpu ran out of memory for a plane of 300 x 20 px"):
        measured(weights, tall, hungry(lambda device, rows: False))


def test_notes_reach_the_result(tall, weights, config, hungry):
    stack = tall[:, :40]
    expected = fuse(stack, config, checkpoint=str(weights))
    hungry(lambda device, rows: device == "cpu")
    found = fuse(stack, focus_measure="learned", checkpoint=str(weights), device="cuda")
    assert found.notes == ("cuda ran out of memory: fell back to the cpu",)
    assert found.provenance["device"] == "cpu"
    assert np.mean(found.index_map != expected.index_map) < 0.01


def test_a_given_network_is_left_alone(weights, tall, config):
    model = load_checkpoint(weights).model().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    measured(model, tall[:2, :32], config)
    assert model.training
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("when", ["push", "end"])
def test_no_memory_without_torch(weights, tall, config, monkeypatch, when):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(OnnxTwoScaleStream, when, fail)
    with pytest.raises(DeviceError, match=r"the cpu ran out of memory .* 300 x 20 px; close"):
        measured(weights, tall, config)
