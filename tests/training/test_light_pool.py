"""Rendered light that several steps share."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from napari_umis_fusion.training.objectives._light_pool import APART, LightPool, light_of_step


@pytest.mark.parametrize("uses", [1, 2, 4, 7])
def test_every_light_is_used_as_often_and_each_step_renders_as_much(uses):
    steps = 60 * uses
    numbers = [light_of_step(step, uses) for step in range(steps)]
    beginning = APART * uses
    assert {Counter(numbers)[n] for n in range(beginning, 60 - beginning)} == {uses}
    new = [step for step, number in enumerate(numbers) if number not in numbers[:step]]
    assert new == list(range(0, steps, uses)), "in order, none of them ahead of its time"


def test_steps_that_follow_each_other_see_different_lights():
    numbers = [light_of_step(step, 4) for step in range(200)]
    later = numbers[APART * 4 * 4 :]
    assert all(one != other for one, other in pairwise(later))


@pytest.fixture
def rendered():
    return []


def pool(rendered, uses=4):
    def render(number):
        rendered.append(number)
        return [number]

    return LightPool(render, uses)


def test_each_light_is_rendered_once_and_forgotten(rendered):
    lights = pool(rendered)
    found = [lights.of_step(step) for step in range(400)]
    assert found == [[light_of_step(step, 4)] for step in range(400)]
    assert len(rendered) == len(set(rendered)) == 100
    assert len(lights._kept) < 30


def test_a_resumed_training_sees_the_same(rendered):
    assert [pool(rendered).of_step(step) for step in range(333, 340)] == [
        [light_of_step(step, 4)] for step in range(333, 340)
    ]


def test_threads_do_not_render_a_light_twice(rendered):
    lights = pool(rendered)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lights.of_step, range(200)))
    assert len(rendered) == len(set(rendered))


def test_light_that_cannot_be_rendered_is_tried_again():
    failing = iter([MemoryError("once")])

    def render(number):
        for error in failing:
            raise error
        return [number]

    lights = LightPool(render, 2)
    with pytest.raises(MemoryError):
        lights.of_step(0)
    assert lights.of_step(0) == [0]
