"""What selecting minimises, against the same in plain NumPy."""

import copy
import dataclasses

import numpy as np
import pytest
import scipy.ndimage
import torch

from napari_umis_fusion import TrainingConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.network import LATE_LAYERS, PlaneRanker, UNetPlusPlus
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.synthetic import TrainingStack
from napari_umis_fusion.training.data import collect_images
from napari_umis_fusion.training.loop._trainer import torch_threads
from napari_umis_fusion.training.objectives import _select as module
from napari_umis_fusion.training.objectives._select import (
    HARD_SHARE,
    SPREAD_WEIGHT,
    SelectObjective,
    gradient,
)
from napari_umis_fusion.training.objectives._stack_batch import TENSORS, collate

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tensors as small as these only wait for more."""
    with torch_threads(1):
        yield


CONFIG = TrainingConfig(
    batch=12, patch_px=32, select_weight=0.5, weigh_weight=2.0, false_edge_weight=300.0
)


def images(count=4, seed=0):
    rng = np.random.default_rng(seed)
    noise = [scipy.ndimage.gaussian_filter(rng.random((70, 75)), 1) for _ in range(count)]
    return collect_images([np.float32((n - n.min()) / np.ptp(n)) for n in noise])


@pytest.fixture(scope="module")
def objective():
    torch.manual_seed(0)
    return SelectObjective(CONFIG, images(), images(2, seed=1))


def training_stack(seed, planes=3, size=16):
    rng = np.random.default_rng(seed)
    shape = (planes, size, size)
    three = [rng.random(shape, np.float32) * (seed + 1) for _ in range(3)]
    return TrainingStack(*three, rng.random(shape[1:], np.float32), shape[0] // 2)


def numpy_gradient(planes):
    wide = np.pad(planes, [(0, 0)] * (planes.ndim - 2) + [(1, 1)] * 2, mode="edge")
    sobel = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]) / 8
    height, width = planes.shape[-2:]
    parts = {(y, x): wide[..., y : y + height, x : x + width] for y in range(3) for x in range(3)}
    gy = sum(sobel[y, x] * part for (y, x), part in parts.items())
    gx = sum(sobel[x, y] * part for (y, x), part in parts.items())
    return np.hypot(gx, gy)


def numpy_losses(scores, batch, config):
    """The loss as its description says, in float64 and plane by plane."""
    planes, steady, clean, truth = (
        getattr(batch, name).numpy().astype(np.float64)
        for name in ("planes", "steady", "clean", "truth")
    )
    select, weigh = (np.exp(s - s.max(1, keepdims=True)) for s in scores)
    shares, weights = select / select.sum(1, keepdims=True), weigh / weigh.sum(1, keepdims=True)
    span = np.maximum(np.ptp(truth, axis=(1, 2)), 0.1)
    missed = (shares * (clean - truth[:, None]) ** 2).sum(1)
    mean_error = ((weights * steady).sum(1) - truth) ** 2
    steepest = np.stack(
        [
            scipy.ndimage.maximum_filter(numpy_gradient(stack).max(0), 3, mode="nearest")
            for stack in planes
        ]
    )
    edges = []
    for share in (weights, shares):
        excess = numpy_gradient((share * planes).sum(1)) - steepest - 0.25 / 255
        edges.append(np.maximum(excess, 0).mean((1, 2)) / span)

    def log_error(error):
        return np.log(error.mean((1, 2)) / span**2 + 4e-6).mean()

    return {
        "select": config.select_weight * log_error(missed),
        "weigh": config.weigh_weight * log_error(mean_error),
        "false_edges": config.false_edge_weight * (edges[0] + HARD_SHARE * edges[1]).mean(),
        "spread": SPREAD_WEIGHT * sum(s.var(axis=1).mean() for s in scores),
    }


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (1, 2, 9, 7)])
def test_gradient(shape):
    planes = np.random.default_rng(0).random(shape)
    found = gradient(torch.from_numpy(planes))
    np.testing.assert_allclose(found, numpy_gradient(planes), atol=2e-6)


def test_gradient_of_a_ramp_is_its_slope():
    ramp = torch.arange(6.0).repeat(5, 1)[None] * 0.25
    assert gradient(ramp)[0, 2, 2].item() == pytest.approx(0.25)
    assert gradient(torch.ones(1, 4, 4)).max() < 1e-4


def test_collate():
    stacks = [training_stack(0), training_stack(1)]
    batch = collate(stacks, np.array([0.0, 0.7]))
    for name, wanted in (
        ("planes", "planes"),
        ("steady", "steady"),
        ("clean", "clean"),
        ("truth", "all_in_focus"),
    ):
        np.testing.assert_array_equal(
            getattr(batch, name), np.stack([getattr(s, wanted) for s in stacks])
        )
    spans = [np.diff(np.percentile(s.planes[1], (0.1, 99.9)))[0] for s in stacks]
    np.testing.assert_allclose(batch.contrast, spans * np.exp([0.0, 0.7]), rtol=1e-6)
    assert batch.contrast.dtype == torch.float32


def test_training_scales_planes_as_fusion_does():
    stack = training_stack(0)
    span = GreyConverter(as_stack(stack.planes), "auto").range.scale
    assert collate([stack], np.zeros(1)).contrast.item() == pytest.approx(255 / span, rel=1e-5)


def test_contrast_of_an_empty_stack_is_bounded():
    dark = dataclasses.replace(training_stack(0), planes=np.zeros((3, 16, 16), np.float32))
    assert collate([dark], np.zeros(1)).contrast.item() == pytest.approx(0.02)


def test_losses_equal_their_description(objective):
    rng = np.random.default_rng(3)
    batch = collate([training_stack(0), training_stack(1)], np.zeros(2))
    batch = dataclasses.replace(batch, planes=batch.planes * 0.3)
    scores = [4 * rng.standard_normal(tuple(batch.planes.shape)) for _ in range(2)]

    class Fixed(torch.nn.Module):
        def forward(self, planes):
            torch.testing.assert_close(planes, batch.planes / batch.contrast[:, None, None, None])
            return SimpleScores(*(torch.from_numpy(s).float() for s in scores))

    judge = SelectObjective(CONFIG, images(), images(2))
    judge.model = Fixed()
    found = {name: term.item() for name, term in judge.losses(batch, CPU).items()}
    expected = numpy_losses(scores, batch, CONFIG)
    assert list(found) == ["select", "weigh", "false_edges", "spread"]
    assert found == pytest.approx(expected, rel=1e-4)
    assert min(abs(value) for value in expected.values()) > 1e-3, "each has a say"


@dataclasses.dataclass
class SimpleScores:
    select: torch.Tensor
    weigh: torch.Tensor


def test_copying_the_truth_costs_least(objective):
    truth = training_stack(0).all_in_focus
    sharp = np.stack([truth, np.zeros_like(truth)])
    stack = TrainingStack(sharp, sharp, sharp, truth, len(sharp) // 2)
    batch = collate([stack], np.zeros(1))
    judge = SelectObjective(CONFIG, images(), images(2))

    def total(favoured):
        scores = torch.zeros(1, 2, 16, 16)
        scores[:, favoured] = 50
        judge.model = lambda _: SimpleScores(scores, scores)
        return {name: float(v) for name, v in judge.losses(batch, CPU).items()}

    right, wrong = total(0), total(1)
    assert right["select"] == pytest.approx(CONFIG.select_weight * np.log(4e-6), rel=1e-3)
    assert right["weigh"] < wrong["weigh"]
    assert right["select"] < wrong["select"]
    assert right["false_edges"] == 0


def test_a_batch_follows_from_seed_and_step(objective):
    again = SelectObjective(CONFIG, images(), images(2, seed=1))
    for step in (7, 3):  # in any order
        one, other = objective.batch(step), again.batch(step)
        for name in TENSORS:
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert one.backwards == other.backwards == (step % 2 == 1)
    assert not torch.equal(objective.batch(3).truth[:1], objective.batch(4).truth[:1])
    elsewhere = SelectObjective(CONFIG.replace(seed=1), images(), images(2, seed=1))
    assert not torch.equal(elsewhere.batch(3).truth[:1], objective.batch(3).truth[:1])


def test_a_batch_has_about_as_many_planes_as_asked(objective):
    for step in range(8):
        count, planes, height, width = objective.batch(step).planes.shape
        assert (height, width) == (32, 32)
        assert count == max(1, CONFIG.batch // planes)


def test_training_lowers_every_loss_of_a_batch(objective):
    """Also shows that gradients reach the network."""
    batch = objective.batch(0)
    optimizer = torch.optim.AdamW(objective.model.parameters(), 2e-3)
    totals = []
    for _ in range(8):
        total = sum(objective.losses(batch, CPU).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < totals[0] - 0.1
    unmoved = [name for name, p in objective.model.named_parameters() if p.grad is None]
    assert unmoved == []


def test_an_attempt_is_repeatable_and_shows_the_example(objective):
    one, other = objective.validate_example(1, CPU), objective.validate_example(1, CPU)
    assert one.metrics == other.metrics
    terms = ["select", "weigh", "false_edges", "spread"]
    assert list(one.metrics) == ["psnr", "psnr_select", "psnr_weighted", "loss", *terms]
    assert one.metrics["loss"] == pytest.approx(sum(one.metrics[term] for term in terms))
    assert one.metrics[objective.score] == pytest.approx(
        (one.metrics["psnr_select"] + one.metrics["psnr_weighted"]) / 2
    )
    assert list(one.samples) == ["truth", "select", "weighted", "middle plane"]
    for picture in one.samples.values():
        assert picture.shape == (32, 32)
        assert 0 <= picture.min() <= picture.max() <= 1
    assert objective.validate_example(0, CPU).metrics != one.metrics


def network_of_one_order():
    model = PlaneRanker().eval()
    torch.nn.init.normal_(model.head.weight, 0, 0.3)
    model.both_orders.zero_()
    return model


def test_a_network_of_one_order_learns_both():
    judge = SelectObjective(CONFIG, images(), images(2), network_of_one_order())
    judge.validate_example(0, CPU)
    assert judge.model.both_orders.tolist() == [0], "the initial weights are validated as they are"
    judge.losses(judge.batch(0), CPU)
    assert judge.model.both_orders.tolist() == [1]


@pytest.mark.parametrize("step", [0, 1])
def test_scores_are_kept_to_the_initial_ones_from_either_end(step):
    initial = network_of_one_order()
    config = CONFIG.replace(keep_weight=3.0)
    judge = SelectObjective(config, images(), images(2), copy.deepcopy(initial))
    batch = judge.batch(step)
    found = judge.losses(batch, CPU)
    planes = batch.planes / batch.contrast[:, None, None, None]
    with torch.no_grad():
        seen = initial(planes.flip(1) if step else planes)
        scores = judge.model(planes)
    total = 0
    for kind in ("select", "weigh"):
        wanted = getattr(seen, kind).flip(1) if step else getattr(seen, kind)
        wanted, shares = (s.double().softmax(1) for s in (wanted, getattr(scores, kind)))
        total += (wanted * (wanted.log() - shares.log())).sum(1).mean()
    assert total > 0.01
    assert found["kept"].item() == pytest.approx(3 * total.item(), rel=1e-3)
    found["kept"].backward()
    assert all(p.grad is None for p in judge._initial._model.parameters())
    assert judge.model.motion.weight.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"keep_weight": 3.0}, "keep_weight is 3 without initial weights"),
        ({"layers": "late"}, "layers is 'late' without initial weights"),
    ],
)
def test_what_is_kept_needs_initial_weights(options, text):
    with pytest.raises(ConfigError, match=text):
        SelectObjective(CONFIG.replace(**options), images(), images(2))


LATE = CONFIG.replace(layers="late", device="cpu")


def losses_and_gradients(model, config, step=2):
    judge = SelectObjective(config, images(), images(2), model)
    batch = judge.batch(step)
    found = judge.losses(batch, CPU)
    sum(found.values()).backward()
    moved = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    values = {name: term.item() for name, term in found.items()}
    return values, moved, judge.validate_example(0, CPU).metrics["psnr"], batch


@pytest.mark.parametrize("without", [[], ["onnx"]], ids=["onnx", "torch"])
def test_late_layers_alone_are_trained_and_as_if_all_were(busy_ranker, monkeypatch, without):
    whole = losses_and_gradients(copy.deepcopy(busy_ranker), CONFIG)
    if without:
        monkeypatch.setattr(module, "runs_without_torch", lambda device: False)
    late = losses_and_gradients(copy.deepcopy(busy_ranker), LATE)
    assert (late[3].compared is None) == bool(without)
    assert late[0] == pytest.approx(whole[0], rel=1e-3)
    assert late[2] == pytest.approx(whole[2], abs=1e-2)
    assert set(late[1]) == {name for name in whole[1] if name.startswith(LATE_LAYERS)}
    assert len(late[1]) < len(whole[1]) / 2
    for name, gradient_of in late[1].items():
        torch.testing.assert_close(gradient_of, whole[1][name], rtol=1e-2, atol=1e-3)


def test_a_network_of_one_order_is_trained_whole():
    model = network_of_one_order()
    judge = SelectObjective(LATE, images(), images(2), model)
    assert judge.batch(0).compared is None
    assert all(weight.requires_grad for weight in model.parameters())


def test_scenes_are_used_again_by_other_cameras():
    config = CONFIG.replace(scene_uses=4)
    judge, again = (SelectObjective(config, images(), images(2)) for _ in range(2))
    batches = [judge.batch(step) for step in range(4)]
    assert torch.equal(again.batch(3).planes, batches[3].planes)
    values = [batch.truth.flatten(1).sort(1).values for batch in batches]
    for batch, sorted_truth in zip(batches[1:], values[1:], strict=True):
        assert torch.equal(sorted_truth, values[0]), "the same scene"
        assert not torch.equal(batch.planes, batches[0].planes)
    assert judge.batch(4).truth.sum() != batches[0].truth.sum()


def test_another_network_is_no_start():
    given = PlaneRanker()
    assert SelectObjective(CONFIG, images(), images(2), given).model is given
    with pytest.raises(ConfigError, match=r"initial weights of a UNetPlusPlus; objective='select'"):
        SelectObjective(CONFIG, images(), images(2), UNetPlusPlus())
