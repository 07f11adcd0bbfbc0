"""Rendered stacks that are like the user's own."""

import pytest

from napari_umis_fusion.synthetic import Imperfections, StackDistribution
from napari_umis_fusion.training import TrainingConfig
from napari_umis_fusion.training.objectives import validation_distribution
from napari_umis_fusion.training.objectives._render import DISTURBANCES, training_distribution

LIGHTS = ("opaque", "fluorescence", "brightfield", "smears")


def test_as_ever_without_imperfections():
    config = TrainingConfig(imperfections=0)
    assert validation_distribution(config, 128) == StackDistribution(size_px=128)
    assert training_distribution(config) == StackDistribution(size_px=config.patch_px)


@pytest.mark.parametrize(
    ("specimen", "lights"),
    [
        ("opaque", ["opaque"]),
        ("fluorescence", ["fluorescence"]),
        ("transmitted", ["brightfield", "smears"]),
    ],
)
def test_a_specimen_is_one_kind_of_light(specimen, lights):
    config = TrainingConfig(specimen=specimen)
    for made in (validation_distribution(config, 64), training_distribution(config)):
        assert [name for name in LIGHTS if getattr(made, name) > 0] == lights


@pytest.mark.parametrize(
    ("planes", "expected"), [(0, (2, 24)), (1, (2, 2)), (11, (8, 14)), (190, (133, 247))]
)
def test_planes_are_drawn_around_those_of_ones_own_stacks(planes, expected):
    assert validation_distribution(TrainingConfig(planes=planes), 64).planes == expected


@pytest.mark.parametrize("augmentation", [0.0, 0.25])
def test_less_augmentation_makes_disturbances_rarer_in_training_only(augmentation):
    config = TrainingConfig(augmentation=augmentation, patch_px=64)
    usual, learn, like = (
        StackDistribution(),
        training_distribution(config),
        validation_distribution(config, 64),
    )
    for name in DISTURBANCES:
        assert getattr(learn, name) == augmentation * getattr(usual, name)
        assert getattr(like, name) == getattr(usual, name)


@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_imperfections_are_as_frequent_in_validation(rate):
    config = TrainingConfig(imperfections=rate, augmentation=0.0)
    for made in (validation_distribution(config, 64), training_distribution(config)):
        assert made.imperfections == Imperfections().scaled(rate)
