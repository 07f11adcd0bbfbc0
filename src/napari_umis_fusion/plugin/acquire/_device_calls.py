"""Calls of a microscope, one after the other, in a thread of their own."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qtpy.QtCore import QObject, Signal

_IDLE_S = 0.2
"""A thread without calls for this long ends: most of the time there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call, and who is told.

    Attributes
    ----------
    run : callable
        Called in the thread.
    done : callable
        Receives what `run` returned, in the main thread.
    failed : callable
        Receives the exception, in the main thread.
    key : str
        A newer call with this key replaces one that waits; empty for calls that never do.
    """

    run: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    key: str = ""


@dataclass(slots=True)
class _Waiting:
    """What the thread and the window share; changed under its lock."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    calls: "OrderedDict[Any, Call]" = field(default_factory=OrderedDict)
    running: Call | None = None
    has_thread: bool = False


class DeviceCalls(QObject):
    """Runs calls in the order in which they were submitted, and answers in the main thread.

    A device may take seconds to answer, or never: the window must not wait for it.
    """

    _answered = Signal(object, object, object)

    def __init__(self) -> None:
        super().__init__()
        self._waiting = _Waiting()
        self._is_closed = False
        self._answered.connect(self._on_answered)

    @property
    def is_busy(self) -> bool:
        """Whether a call is under way or waits."""
        with self._waiting.changed:
            return bool(self._waiting.calls) or self._waiting.running is not None

    def submit(self, call: Call) -> None:
        """Run a call once those before it have ended."""
        waiting = self._waiting
        with waiting.changed:
            if self._is_closed:
                return
            if call.key:
                waiting.calls.pop(call.key, None)
            waiting.calls[call.key or object()] = call
            waiting.changed.notify_all()
            if not waiting.has_thread:
                waiting.has_thread = True
                # A device that never answers must not keep the program from ending.
                name = "umis-fusion-microscope"
                work = threading.Thread(target=_work, args=(waiting, self._answer), name=name)
                work.daemon = True
                work.start()

    def drop(self, key: str) -> None:
        """Drop the call with this key, if it waits."""
        with self._waiting.changed:
            self._waiting.calls.pop(key, None)

    def release(self) -> None:
        """Drop the calls that wait; the one under way ends unheard."""
        with self._waiting.changed:
            self._is_closed = True
            self._waiting.calls.clear()
            self._waiting.changed.notify_all()

    def _answer(self, call: Call, result: Any, error: Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # Qt has deleted it meanwhile
            self._answered.emit(call, result, error)

    def _on_answered(self, call: Call, result: Any, error: Exception | None) -> None:
        if self._is_closed:
            return
        if error is None:
            call.done(result)
        else:
            call.failed(error)


def _work(waiting: _Waiting, answer: Callable[[Call, Any, Exception | None], None]) -> None:
    while True:
        with waiting.changed:
            waiting.running = None
            if not waiting.calls:
                waiting.changed.wait(_IDLE_S)
            if not waiting.calls:
                waiting.has_thread = False
                return
            _, call = waiting.calls.popitem(last=False)
            waiting.running = call
        try:
            result, error = call.run(), None
        except Exception as raised:
            result, error = None, raised
        with waiting.changed:
            waiting.running = None
        answer(call, result, error)
