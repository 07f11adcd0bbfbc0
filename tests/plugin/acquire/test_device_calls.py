import threading

import pytest

from napari_umis_fusion.plugin.acquire._device_calls import Call, DeviceCalls


@pytest.fixture
def calls(qtbot):
    made = DeviceCalls()
    yield made
    made.release()


def test_in_order_and_answered_in_the_main_thread(calls, qtbot, threads):
    before, heard = threads(), []

    def done(result):
        heard.append((result, threading.current_thread() is threading.main_thread()))

    for number in range(5):
        calls.submit(Call(lambda number=number: number, done, heard.append))
    qtbot.waitUntil(lambda: len(heard) == 5)
    assert heard == [(number, True) for number in range(5)]
    qtbot.waitUntil(lambda: threads() == before, timeout=5000)


def test_a_newer_call_replaces_the_one_that_waits(calls, qtbot):
    gate, done = threading.Event(), []
    calls.submit(Call(gate.wait, lambda result: None, done.append))
    for number in range(9):
        calls.submit(Call(lambda number=number: number, done.append, done.append, key="move"))
    gate.set()
    qtbot.waitUntil(lambda: not calls.is_busy and bool(done))
    assert done == [8]


def test_an_error_is_handed_over_and_the_next_call_runs(calls, qtbot):
    heard = []

    def fail():
        raise RuntimeError("no light")

    calls.submit(Call(fail, heard.append, lambda error: heard.append(str(error))))
    calls.submit(Call(lambda: "next", heard.append, heard.append))
    qtbot.waitUntil(lambda: len(heard) == 2)
    assert heard == ["no light", "next"]


def test_a_device_that_never_answers_is_not_waited_for(qtbot):
    gate, heard = threading.Event(), []
    calls = DeviceCalls()
    calls.submit(Call(gate.wait, heard.append, heard.append))
    calls.submit(Call(lambda: 1, heard.append, heard.append))
    calls.release()
    gate.set()
    qtbot.waitUntil(lambda: not calls.is_busy)
    qtbot.wait(20)
    assert heard == []
