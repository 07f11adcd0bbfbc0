"""Entropy, standard deviation and mutual information: what the grey levels tell."""

from collections import Counter
from math import log2

import numpy as np
import pytest
from skimage.measure import shannon_entropy

from napari_umis_fusion.metrics import entropy, mutual_information, psnr, standard_deviation
from napari_umis_fusion.synthetic import make_stack

EVERY_LEVEL = np.arange(256, dtype=np.uint8).reshape(16, 16)
HALVES = np.repeat(np.array([[0, 255]], np.uint8), 4, axis=0)
STRIPES = np.array([[0, 255], [255, 0], [0, 255], [255, 0]], np.uint8)  # independent of HALVES


def noise(shape, seed=0, levels=256):
    return np.random.default_rng(seed).integers(0, levels, shape).astype(np.uint8)


def bits_twin(values):
    counts = Counter(values)
    total = sum(counts.values())
    return -sum(n / total * log2(n / total) for n in counts.values())


def mutual_twin(fused, stack):
    told = 0
    for plane in stack:
        a, b = plane.ravel().tolist(), fused.ravel().tolist()
        told += bits_twin(a) + bits_twin(b) - bits_twin(zip(a, b, strict=True))
    return told


@pytest.mark.parametrize(
    ("image", "bits", "deviation"),
    [
        (np.full((5, 7), 93, np.uint8), 0, 0),
        (np.zeros((1, 1), np.uint8), 0, 0),
        (HALVES, 1, 127.5),
        (EVERY_LEVEL, 8, np.sqrt((256**2 - 1) / 12)),
        (np.repeat(EVERY_LEVEL[..., None], 2, axis=2), 8, np.sqrt((256**2 - 1) / 12)),
        (np.array([[False, True, True, True]]), 0.811278, 255 * np.sqrt(3) / 4),
    ],
)
def test_entropy_and_standard_deviation_by_hand(image, bits, deviation):
    assert entropy(image) == pytest.approx(bits, abs=1e-6)
    assert standard_deviation(image) == pytest.approx(deviation, rel=1e-6)


@pytest.mark.parametrize(("shape", "levels"), [((3, 5), 256), ((31, 17), 40), ((64, 65), 256)])
def test_entropy_and_standard_deviation_equal_twins(shape, levels):
    image = noise(shape, levels=levels)
    assert entropy(image) == pytest.approx(shannon_entropy(image))
    assert standard_deviation(image) == pytest.approx(image.astype(float).std())


def test_grey_is_rounded_to_the_nearest_level_and_ends_at_black_and_white():
    near = np.array([[-9.0, 0.4, 0.6, 1.4, 254.6, 300.0]])
    assert entropy(near, grey_range=(0, 255)) == pytest.approx(log2(3))
    assert mutual_information(near, [near], grey_range=(0, 255)) == pytest.approx(log2(3))


@pytest.mark.parametrize("image", [HALVES, EVERY_LEVEL, noise((13, 21)), noise((8, 9, 3))])
def test_an_image_shares_its_entropy_with_itself(image):
    assert mutual_information(image, [image]) == pytest.approx(entropy(image))
    assert mutual_information(image, [image] * 3) == pytest.approx(3 * entropy(image))


@pytest.mark.parametrize(
    ("fused", "stack", "bits"),
    [
        (HALVES, [STRIPES], 0),
        (HALVES, [STRIPES, HALVES], 1),
        (HALVES, [255 - HALVES], 1),
        (HALVES, [np.full_like(HALVES, 7)], 0),
    ],
    ids=["independent", "one of two", "inverted", "flat plane"],
)
def test_mutual_information_by_hand(fused, stack, bits):
    assert mutual_information(fused, stack) == pytest.approx(bits, abs=1e-12)


@pytest.mark.parametrize("shape", [(1, 5, 7), (2, 1, 9), (4, 23, 18)])
def test_mutual_information_equals_its_twin(shape):
    stack = noise(shape, levels=9)
    fused = np.where(noise(shape[1:], seed=1) > 99, stack[0], stack[-1] // 2)
    told = mutual_information(fused, stack)
    assert told > 0.1
    assert told == pytest.approx(mutual_twin(fused, stack))


@pytest.mark.parametrize("scene", ["bars", "discs", "fluorescence"])
def test_what_they_reward_wrongly(scene):
    rendered = make_stack(scene, (64, 80), planes=6)
    span = float(rendered.data_range)
    truth = rendered.all_in_focus.astype(np.float64)
    wide = {"grey_range": (-span, 2 * span)}  # so that noise is not clipped
    noisy = truth + np.random.default_rng(0).normal(0, span / 20, truth.shape)
    shuffled = np.random.default_rng(0).permutation(truth.reshape(-1, *truth.shape[2:]))
    for measure in (entropy, standard_deviation):
        assert measure(noisy, **wide) > measure(truth, **wide)
        assert measure(shuffled.reshape(truth.shape), **wide) == pytest.approx(
            measure(truth, **wide)
        )
    plane = max(rendered.stack, key=lambda plane: psnr(plane, truth, data_range=span))
    told = [
        mutual_information(image, rendered.stack, grey_range=(0, span)) for image in (plane, truth)
    ]
    assert told[0] > told[1]
