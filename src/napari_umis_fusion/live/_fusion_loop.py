"""The loop of a live fusion: what is to be done next, oldest first."""

import threading
from collections.abc import Generator

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.live._field import Field
from napari_umis_fusion.live._field_work import FieldWork
from napari_umis_fusion.live._inbox import Inbox
from napari_umis_fusion.live._live_events import LiveEvent, LiveWaiting
from napari_umis_fusion.runtime import ScratchMemory, Workers

PATIENCE_S = 0.05
"""Longest wait between two yields: half of the 100 ms that callers are promised."""


class FusionLoop:
    """Works on the fields of an inbox.

    Parameters
    ----------
    inbox : Inbox
        Where frames arrive.
    config : FusionConfig
        How to fuse.
    refresh_s : float
        Shortest time between two pictures of a field.

    Attributes
    ----------
    fuses_ahead : bool
        Whether a fusion may begin before its last plane is there.
    """

    def __init__(self, inbox: Inbox, config: FusionConfig, refresh_s: float) -> None:
        self._inbox, self._config, self._refresh_s = inbox, config, refresh_s
        self.fuses_ahead = True
        self._lock = threading.Lock()
        self._works: dict[Field, FieldWork] = {}

    def work(self, field: Field) -> FieldWork | None:
        """Return the work on a field that is not finished, from any thread."""
        with self._lock:
            return self._works.get(field)

    def iter_events(self, memory: ScratchMemory, pool: Workers) -> Generator[LiveEvent]:
        """Do what is to be done, oldest first, until nothing is left and nothing will come."""
        chosen: FieldWork | None = None
        fusing: Generator[LiveEvent] | None = None
        try:
            while True:
                is_over = self._inbox.is_over  # before the fields: what comes later is seen later
                for _ in self._inbox.iter_count():
                    yield self._waiting()
                works = yield from self._iter_begin(memory, pool)
                if fusing is None:
                    chosen = self._next_fusion(works)
                    fusing = None if chosen is None else self._iter_fusion(chosen)
                looked = yield from self._iter_preview(works)
                # A fusion that waits for planes must not hold up their pictures.
                is_ahead = chosen is not None and not chosen.frames.is_complete
                if fusing is not None and not (is_ahead and looked):
                    event = next(fusing, None)
                    if event is None:
                        fusing = None
                    else:
                        yield event
                elif not looked:
                    if is_over and not works:
                        return
                    self._inbox.wait(PATIENCE_S)
                    yield self._waiting()
        finally:
            if fusing is not None:
                fusing.close()

    def _iter_begin(
        self, memory: ScratchMemory, pool: Workers
    ) -> Generator[LiveEvent, None, list[FieldWork]]:
        """Return the work on each field, oldest first, and say which are new."""
        works: list[FieldWork] = []
        for frames in self._inbox.fields():
            work = self._works.get(frames.field)
            if work is None:
                work = FieldWork(frames, self._config, self._refresh_s, memory, pool)
                with self._lock:
                    self._works[frames.field] = work
                first = frames.first()
                if first is not None:
                    yield work.started(first, self._inbox.planes_of(frames.field))
            works.append(work)
        return works

    def _iter_preview(self, works: list[FieldWork]) -> Generator[LiveEvent, None, bool]:
        """Add the oldest frame to the picture of its field; returns whether there was one."""
        growing = [work for work in works if not work.frames.is_complete]
        for work in growing:
            taken = self._inbox.take(work.frames)
            if taken is not None:
                for _ in work.iter_add(*taken):
                    yield self._waiting()
                yield from self._iter_show(work)
                return True
        for work in growing:
            yield from self._iter_show(work)
        return False

    def _iter_show(self, work: FieldWork) -> Generator[LiveEvent]:
        planes = self._inbox.planes_of(work.field)
        for event in work.iter_update(planes, self._inbox.calibration(work.frames)):
            yield event or self._waiting()

    def _next_fusion(self, works: list[FieldWork]) -> FieldWork | None:
        """Return the oldest field with all its planes, else the oldest with enough to begin."""
        for work in works:
            if work.frames.is_complete:
                return work
        if not self.fuses_ahead:
            return None
        for work in works:
            if work.may_begin(self._inbox.planes_of(work.field)):
                return work
        return None

    def _iter_fusion(self, work: FieldWork) -> Generator[LiveEvent]:
        try:
            yield from work.iter_fuse(self._inbox.planes_of(work.field))
        finally:
            with self._lock:
                del self._works[work.field]
            self._inbox.remove(work.frames)

    def _waiting(self) -> LiveWaiting:
        inbox = self._inbox
        return LiveWaiting(inbox.frames, inbox.behind, inbox.on_disk)
