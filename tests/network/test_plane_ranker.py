import numpy as np
import pytest
import scipy.ndimage
import torch

from napari_umis_fusion.network import REACH_PLANES, STRIDE_PX, PlaneRanker, Scores
from napari_umis_fusion.network._neighbours import NeighbourFeatures
from napari_umis_fusion.network._plane_ranker import NeighbourMixing
from napari_umis_fusion.network._ranker_layout import REACH_PX

KINDS = ("select", "weigh")


def random_model(seed=0):
    """Return a network whose every part matters, unlike that which training starts from."""
    torch.manual_seed(seed)
    model = PlaneRanker().eval()
    torch.nn.init.normal_(model.head.weight, 0, 0.3)
    torch.nn.init.normal_(model.prior.weight, 0, 0.3)
    return model


@pytest.fixture(scope="module")
def model():
    return random_model()


def random_stack(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def scored(model, planes):
    return model(planes)


def differences(one, other):
    return {kind: (getattr(one, kind) - getattr(other, kind)).abs() for kind in KINDS}


def assert_close(one, other, atol):
    assert max(d.max() for d in differences(one, other).values()) <= atol


# --- what comes out


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (1, 2, 32, 48), (2, 5, 48, 16), (3, 1, 16, 32)])
def test_every_pixel_of_every_plane_has_two_scores(model, shape):
    scores = scored(model, random_stack(*shape))
    for kind in KINDS:
        score = getattr(scores, kind)
        assert score.shape == shape
        assert score.dtype == torch.float32
        assert score.isfinite().all()
        assert score.std() > 0.01
    assert max(d.max() for d in differences(scores, Scores(scores.weigh, scores.select)).values())


def test_scores_in_another_shape():
    scores = Scores(torch.arange(6.0), -torch.arange(6.0)).of_stacks(2, 3)
    torch.testing.assert_close(scores.select, torch.arange(6.0).view(2, 3))
    torch.testing.assert_close(scores.weigh, -torch.arange(6.0).view(2, 3))


def test_stacks_of_a_batch_do_not_see_each_other(model):
    stacks = random_stack(2, 4, 32, 32)
    together = scored(model, stacks)
    for k in range(2):
        alone = scored(model, stacks[k : k + 1])
        part = Scores(together.select[k : k + 1], together.weigh[k : k + 1])
        assert_close(part, alone, 1e-5)


@pytest.mark.parametrize("value", [0.0, 0.5, 100.0])
def test_planes_without_detail_are_all_alike(model, value):
    scores = scored(model, torch.full((1, 9, 32, 32), value))
    middle = slice(REACH_PLANES, -REACH_PLANES)
    for kind in KINDS:
        score = getattr(scores, kind)[0, middle]
        assert score.isfinite().all()
        assert (score - score[:1]).abs().max() < 1e-5


# --- what does not matter


@pytest.mark.parametrize(
    "change",
    [lambda x: 1 - x, lambda x: -x, lambda x: x + 3, lambda x: x - 0.5, lambda x: 2.5 - x],
    ids=["1 - x", "-x", "x + 3", "x - 0.5", "2.5 - x"],
)
def test_only_magnitudes_of_detail_count(model, change):
    stack = random_stack(1, 4, 64, 48)
    before, after = scored(model, stack), scored(model, change(stack))
    assert before.select.std() > 0.1
    assert_close(before, after, 3e-5)


def test_brightness_that_changes_slowly_matters_little(model):
    stack = random_stack(1, 3, 64, 64)
    slope = torch.linspace(0, 1, 64).expand(64, 64)
    inner = (..., slice(16, 48), slice(16, 48))  # at the border the local mean sees one side
    changes = differences(scored(model, stack), scored(model, stack + slope))
    scramble = differences(scored(model, stack), scored(model, random_stack(1, 3, 64, 64, seed=2)))
    for kind in KINDS:
        assert changes[kind][inner].mean() < 0.05 * scramble[kind][inner].mean()


@pytest.mark.parametrize("planes", [1, 2, 3, 6])
def test_the_end_at_which_a_stack_begins_does_not_matter(model, planes):
    stack = random_stack(2, planes, 32, 48)
    one, other = scored(model, stack), scored(model, stack.flip(1))
    assert one.select.std() > 0.1
    for kind in KINDS:
        assert torch.equal(getattr(one, kind), getattr(other, kind).flip(1))


def test_one_order_is_the_plain_layer():
    mixing = NeighbourMixing(3)
    before, here, after = random_stack(3, 3, 4, 5)
    compared = NeighbourFeatures.of_stacks(torch.stack([before, here, after]), 3)
    plain = torch.cat([here, here - before, here - after])[None]
    with torch.no_grad():
        expected = here + mixing.conv(plain).relu()[0]
        torch.testing.assert_close(mixing(compared, both_orders=False)[1], expected)


def test_one_order_depends_on_it(one_order_ranker):
    stack = random_stack(1, 4, 32, 48)
    one, other = (scored(one_order_ranker, s) for s in (stack, stack.flip(1)))
    assert (one.select - other.select.flip(1)).abs().max() > 0.1


# --- how far it sees


@pytest.mark.parametrize("far", [REACH_PLANES + 1, -REACH_PLANES - 1, 6])
def test_scores_depend_on_no_planes_beyond_their_reach(model, far):
    stack = random_stack(1, 13, 32, 32)
    other = stack.clone()
    other[0, 6 + far] = random_stack(32, 32, seed=5)
    changes = differences(scored(model, stack), scored(model, other))
    for change in changes.values():
        assert change[0, 6].max() <= 1e-6
        assert change[0, 6 + far].max() > 0.01


@pytest.mark.parametrize("near", [1, -1, 2, -2, REACH_PLANES, -REACH_PLANES])
def test_scores_depend_on_every_plane_within_their_reach(model, near):
    stack = random_stack(1, 7, 32, 32)
    other = stack.clone()
    other[0, 3 + near] = 0
    changes = differences(scored(model, stack), scored(model, other))
    assert max(change[0, 3].max() for change in changes.values()) > 1e-4


def sight_of(model, place, axis):
    """Return how far along an axis the pixels lie that the scores of one pixel depend on."""
    side = 2 * REACH_PX + 3 * STRIDE_PX
    stack = random_stack(1, 1, STRIDE_PX, side)
    stack = (stack if axis == 3 else stack.mT.contiguous()).requires_grad_()
    scores = model(stack)
    one = (scores.select + scores.weigh)[0, 0].select(axis - 2, place)
    one.mean().backward()
    seen = stack.grad.abs().amax([n for n in range(4) if n != axis]).nonzero()
    return int((seen - place).abs().max())


@pytest.mark.parametrize("axis", [2, 3])
def test_scores_depend_on_no_pixels_beyond_their_reach(axis):
    start = REACH_PX + STRIDE_PX
    places = [start + phase for phase in (0, 4, 5, 11)]
    reach = [sight_of(random_model(place), place, axis) for place in places]
    assert max(reach) <= REACH_PX
    assert max(reach) > REACH_PX - STRIDE_PX, "less would do: tiles could overlap less"


def test_a_part_with_its_surroundings_has_the_scores_of_the_whole(model):
    stack = random_stack(1, 2, 16, 2 * REACH_PX + 8 * STRIDE_PX)
    whole = scored(model, stack)
    start, size = 2 * STRIDE_PX, 3 * STRIDE_PX
    wide = slice(start, start + size + 2 * REACH_PX)
    part = scored(model, stack[..., wide])
    inside = (..., slice(REACH_PX, REACH_PX + size))
    there = (..., slice(start + REACH_PX, start + REACH_PX + size))
    for kind in KINDS:
        found, expected = getattr(part, kind)[inside], getattr(whole, kind)[there]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


# --- how training starts and what it can change


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("sigma", [0.8, 3.0])
def test_it_starts_as_a_classical_measure(seed, sigma):
    torch.manual_seed(seed)
    sharp = np.random.default_rng(seed).random((64, 64), np.float32)
    blurred = scipy.ndimage.gaussian_filter(sharp, sigma)
    stack = torch.from_numpy(np.stack([blurred, sharp, blurred]))[None]
    scores = scored(PlaneRanker(), stack)
    for kind in KINDS:
        assert (getattr(scores, kind)[0].argmax(0) == 1).float().mean() > 0.97


def test_it_is_small():
    assert sum(p.numel() for p in PlaneRanker().parameters()) < 400_000


@pytest.mark.parametrize("kind", KINDS)
def test_training_reaches_every_parameter(kind):
    torch.manual_seed(0)
    model = PlaneRanker()
    scores = getattr(model(random_stack(2, 4, 32, 32)), kind)
    (scores.softmax(1) * random_stack(2, 4, 32, 32, seed=2)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_bfloat16_is_close():
    """Where it is used, few pixels change their plane."""
    torch.manual_seed(0)
    model, stack = PlaneRanker().eval(), random_stack(1, 4, 64, 64)
    exact = scored(model, stack)
    with torch.autocast("cpu", torch.bfloat16):
        rough = scored(model, stack)
    assert rough.select.dtype == rough.weigh.dtype == torch.float32
    assert max(d.max() for d in differences(exact, rough).values()) > 0
    for kind in KINDS:
        one, other = getattr(exact, kind), getattr(rough, kind)
        assert (one - other).std() < 0.02 * (one - one.mean(1, keepdim=True)).std()
        assert (one.argmax(1) == other.argmax(1)).float().mean() > 0.98
