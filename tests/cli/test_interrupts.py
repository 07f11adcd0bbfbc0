import contextlib
import signal
import threading

import pytest

from napari_umis_fusion.cli._interrupts import kept_interrupts
from napari_umis_fusion.cli._report import progress_bar, run_shown


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """Ctrl-C as in a program that was started in a terminal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_other_code_loses_ends_the_work_at_the_next_event():
    seen, closed = [], []

    def steps():
        try:
            for number in range(9):
                with contextlib.suppress(KeyboardInterrupt):  # as code in C that clears all errors
                    if number == 3:
                        signal.raise_signal(signal.SIGINT)
                yield number
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        run_shown(steps(), progress_bar("working", "plane", quiet=True), seen.append)
    assert seen == [0, 1, 2]
    assert closed == [True]


def test_what_others_do_on_ctrl_c_stays():
    asked = []
    signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    with kept_interrupts() as check:
        signal.raise_signal(signal.SIGINT)
        check()
    assert asked == [True]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_cannot_set_it():
    def work():
        with kept_interrupts() as check:
            check()
            done.append(True)

    done = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
