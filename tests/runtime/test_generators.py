"""Generators of events inside other generators."""

import pytest

from napari_umis_fusion.runtime import Progress, expand_events, map_events, map_progress, run_to_end


def work(log):
    """Yield an event of each kind; tell when it is closed."""
    try:
        yield "begun"
        yield Progress("measuring", 1, 2)
        yield "ended"
    finally:
        log.append("closed")
    return "result"


def twice_if_begun(event):
    return [event, event] if event == "begun" else []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (lambda steps: expand_events(steps, twice_if_begun), ["begun", "begun"]),
        (lambda steps: map_events(steps, type), [str, Progress, str]),
        (lambda steps: map_progress(steps, lambda event: event.done), [1]),
    ],
    ids=["several or none", "all events", "progress alone"],
)
def test_events_are_changed_and_the_result_is_returned(told, expected):
    log, seen = [], []
    assert run_to_end(told(work(log)), seen.append) == "result"
    assert seen == expected
    assert log == ["closed"]


@pytest.mark.parametrize("wrapped", [map_events, map_progress])
def test_abandoned_work_ends_at_once(wrapped):
    log = []
    steps = wrapped(work(log), str)
    next(steps)
    steps.close()
    assert log == ["closed"]


def test_errors_pass():
    def fails():
        yield Progress("measuring", 0, 1)
        raise ValueError("no plane")

    with pytest.raises(ValueError, match="no plane"):
        run_to_end(map_progress(fails(), lambda event: event))
