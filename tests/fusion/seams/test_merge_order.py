import numpy as np
import pytest

from napari_umis_fusion.fusion.seams._merge_order import MOST_WAITING, MergeOrder, most_composites


def composed(count, left_out=(), known=(), **options):
    """Return the planes of a stack, nested as they are merged, and how many composites waited."""
    order, pile, most = MergeOrder(count, known, **options), [], 0
    for z in sorted(set(range(count)) - set(left_out)):
        for _ in range(order.merges_before(z)):
            top = pile.pop()
            pile[-1] = (pile[-1], top)
        if order.joins(z):
            pile[-1] = (pile[-1], z)
        else:
            pile.append(z)
        most = max(most, len(pile))
    for back in order.merges_at_end():
        top = pile.pop()
        pile[-back] = (pile[-back], top)
    assert len(pile) == 1
    return pile[0], most


def planes_of(tree):
    return [tree] if isinstance(tree, int) else [z for side in tree for z in planes_of(side)]


def unordered(tree, mirrored_of=None):
    """Merges without the side that comes first; `mirrored_of` so many planes."""
    if isinstance(tree, int):
        return tree if mirrored_of is None else mirrored_of - 1 - tree
    return frozenset(unordered(side, mirrored_of) for side in tree)


@pytest.mark.parametrize("count", [*range(1, 62), 100, 139 + 1])
def test_planes_are_composed_as_from_the_other_end(count):
    tree, most = composed(count)
    assert sorted(planes_of(tree)) == list(range(count))
    assert unordered(tree) == unordered(tree, count)
    assert most <= most_composites(count) <= MOST_WAITING + 1


def test_as_many_composites_are_told_of_as_any_planes_that_are_left_need():
    needed = [composed(count)[1] for count in range(1, 141)]
    for count in (2, 3, 4, 20, 39, 40, 140):
        assert most_composites(count) == max(needed[:count])
    assert most_composites(10**6) == MOST_WAITING + 1


def test_so_are_they_where_planes_are_left_out():
    rng = np.random.default_rng(0)
    for count in rng.integers(2, 40, 300):
        left_out = set(np.flatnonzero(rng.random(count) < 0.3)[: count - 1].tolist())
        mirrored = {int(count) - 1 - z for z in left_out}
        one, most = composed(int(count), left_out)
        other, _ = composed(int(count), mirrored)
        assert unordered(one) == unordered(other, int(count))
        assert most <= most_composites(int(count))


def renamed(tree, names):
    return names[tree] if isinstance(tree, int) else tuple(renamed(side, names) for side in tree)


def test_planes_that_are_known_to_be_left_out_change_nothing():
    rng = np.random.default_rng(1)
    for count in rng.integers(2, 40, 200):
        left_out = set(np.flatnonzero(rng.random(count) < 0.3)[: count - 1].tolist())
        left = sorted(set(range(count)) - left_out)
        for in_turn in (False, True):
            one, most = composed(int(count), left_out, left_out, in_turn=in_turn)
            other, _ = composed(len(left), in_turn=in_turn)
            assert one == renamed(other, left)
            assert most <= most_composites(len(left))


@pytest.mark.parametrize("count", [141, 1000, 10_001])
def test_of_many_planes_no_more_composites_wait(count):
    tree, most = composed(count)
    assert most == MOST_WAITING + 1
    assert sorted(planes_of(tree)) == list(range(count))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, 0),
        (2, (0, 1)),
        (3, ((0, 2), 1)),
        (4, ((0, 1), (2, 3))),
        (6, ((0, (1, 2)), ((3, 4), 5))),
        (7, (((0, (1, 2)), ((4, 5), 6)), 3)),
    ],
)
def test_few_planes(count, expected):
    assert composed(count)[0] == expected


def test_each_plane_is_added_to_all_before_it_in_turn():
    assert composed(5, in_turn=True) == (((((0, 1), 2), 3), 4), 1)
    assert composed(5, {0, 2, 3}, in_turn=True) == ((1, 4), 1)
