import json

import numpy as np
import pytest

from napari_umis_fusion import fuse
from napari_umis_fusion.alignment import Alignment, apply, compose, corners_of, inverse
from napari_umis_fusion.alignment._chain import solve_chain
from napari_umis_fusion.alignment._links import Link
from napari_umis_fusion.alignment._transforms import about_centre
from napari_umis_fusion.errors import AlignmentError

SHAPE, PLANES = (300, 400), 20


def truth(model):
    rng = np.random.default_rng(0)
    found = []
    for z in range(PLANES):
        size, angle = (1 + 0.004 * z, 0.002 * z) if model != "translation" else (1, 0)
        turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(about_centre(turn, rng.normal(0, 3, 2), SHAPE))
    back = inverse(found[PLANES // 2])
    return np.array([compose(one, back) for one in found])


def links(transforms, wrong=None):
    rng = np.random.default_rng(1)
    made = []
    for distance in (1, 4):
        for first in range(PLANES - distance):
            other = first + distance
            motion = compose(transforms[other], inverse(transforms[first]))
            motion[:, 2] += rng.normal(0, 0.02, 2)
            if (first, other) == wrong:
                motion[:, 2] += 15
            made.append(Link(first, other, motion, 0.05, 0.5, 0.9, motion))
    return made


def worst_px(chain, transforms):
    corners = corners_of(SHAPE)
    pairs = zip(chain.transforms, transforms, strict=True)
    return max(np.abs(apply(found, corners) - apply(true, corners)).max() for found, true in pairs)


@pytest.mark.parametrize("model", ["translation", "similarity", "affine"])
def test_all_planes_are_put_where_links_say(model):
    transforms = truth(model)
    chain = solve_chain(links(transforms), PLANES, PLANES // 2, SHAPE, model)
    assert worst_px(chain, transforms) < 0.2
    assert np.allclose(chain.transforms[PLANES // 2], np.eye(2, 3))


@pytest.mark.parametrize("wrong", [(6, 7), (3, 7)])
def test_one_wrong_link_is_outvoted(wrong):
    transforms = truth("similarity")
    chain = solve_chain(links(transforms, wrong), PLANES, PLANES // 2, SHAPE, "similarity")
    assert worst_px(chain, transforms) < 1.2  # of 15


def test_magnification_that_is_none_is_left_out():
    transforms = truth("translation")
    found = links(transforms)
    chain = solve_chain(found, PLANES, PLANES // 2, SHAPE, "similarity", may_simplify=True)
    assert chain.model == "translation"
    assert np.array_equal(chain.transforms[:, :, :2], np.tile(np.eye(2), (PLANES, 1, 1)))
    grown = links(truth("similarity"))
    chain = solve_chain(grown, PLANES, PLANES // 2, SHAPE, "similarity", may_simplify=True)
    assert chain.model == "similarity"


@pytest.mark.parametrize("transforms", [[[1.0], [1.0, 2.0]], [["a"]]], ids=str)
def test_transforms_that_are_no_numbers_are_refused(transforms):
    with pytest.raises(AlignmentError, match=r"no array of numbers .*; accepted is \(Z, 2, 3\)"):
        Alignment.given(transforms, (40, 50))


def test_reference_is_one_of_the_planes():
    transforms = np.tile(np.eye(2, 3), (3, 1, 1))
    with pytest.raises(AlignmentError, match="plane 3 as reference of 3"):
        Alignment.given(transforms, (40, 50), reference=3)
    alignment = Alignment.given(transforms, (40, 50), reference=np.int64(2))
    stack = np.random.default_rng(0).integers(0, 255, (3, 40, 50), np.uint8)
    result = fuse(stack, transforms=alignment, focus_measure="laplacian")
    assert json.loads(json.dumps(result.provenance))["alignment"]["reference"] == 2
