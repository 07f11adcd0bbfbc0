"""The end of a sweep once nothing new comes into focus."""

import time
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.live._field import Field, field_index
from napari_umis_fusion.live._live_fusion import LiveFusion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from useq import MDAEvent

NOTHING = 5e-4
"""Share of pixels that is nothing; noise alone gains less in all that was tried."""

LAG_PLANES = 1
"""Planes by which a picture may be behind the camera when it is asked."""


class EarlyStop:
    """Says which events of a run are not needed any more.

    A field is done once `planes` planes in a row showed hardly any pixel clearly better than those
    before them, and `covered_um` were swept. Something farther away, beyond a gap of more planes,
    is not found: that is what `covered_um` is for.

    Parameters
    ----------
    live : LiveFusion
        Sees all frames of the run. Somebody iterates over its `events`, or nothing ends early.
    planes : int
        Planes without a gain, 1 or more.
    covered_um : float
        Range that is swept in any case, in µm.
    patience_s : float
        Longest wait for the picture before each plane, in seconds.

    Raises
    ------
    ConfigError
        If a number is not accepted.
    """

    def __init__(
        self,
        live: LiveFusion,
        planes: int,
        covered_um: float = 0.0,
        *,
        patience_s: float = 1.0,
    ) -> None:
        if planes < 1:
            raise ConfigError(f"planes={planes}; accepted is 1 or more, or no early stop at all.")
        live.expect_early_end()
        self._live, self._planes, self._covered_um = live, planes, covered_um
        self._patience_s = patience_s
        self._lowest: dict[Field, float] = {}
        self._highest: dict[Field, float] = {}
        self._done: set[Field] = set()
        self._sent: dict[Field, int] = {}
        self.skipped = 0

    def skips(self, event: Any) -> bool:
        """Whether an event is not needed; waits a little for the picture of those before it."""
        if "z" not in event.index:
            return False
        field = Field(field_index(event.index), run=self._live.run)
        if field in self._done or self._is_done(field):
            self._done.add(field)
            self.skipped += 1
            return True
        self._sent[field] = self._sent.get(field, 0) + 1
        if event.z_pos is not None:
            self._lowest[field] = min(self._lowest.get(field, event.z_pos), event.z_pos)
            self._highest[field] = max(self._highest.get(field, event.z_pos), event.z_pos)
        return False

    def _is_done(self, field: Field) -> bool:
        sent = self._sent.get(field, 0)
        if sent <= self._planes:
            return False
        swept = self._highest.get(field, 0.0) - self._lowest.get(field, 0.0)
        if swept < self._covered_um:
            return False
        gains = self._gains(field, sent)
        # The first plane gains everything: it has none before it.
        latest = gains[1:][-self._planes :]
        return len(latest) == self._planes and max(latest) <= NOTHING

    def _gains(self, field: Field, sent: int) -> tuple[float, ...]:
        until = time.monotonic() + self._patience_s
        while True:
            _, gains = self._live.gained(field)
            if len(gains) >= sent - LAG_PLANES:
                return gains
            if time.monotonic() >= until:
                self._patience_s = 0.0  # nobody makes pictures, or they are too slow: do not wait
                return gains
            time.sleep(0.005)


def events_until_done(events: "Iterable[MDAEvent]", stop: EarlyStop) -> "Iterator[MDAEvent]":
    """Yield the events of a run that are still needed when they are asked for.

    For runs that keep nothing in a file, as a file must be told of planes that are left out:
    ``core.run_mda(events_until_done(sequence, stop), output=live)``. `iter_acquire` does that.

    Parameters
    ----------
    events : iterable of useq.MDAEvent
        Such as a ``useq.MDASequence``.
    stop : EarlyStop
        Says which are not needed.
    """
    return (event for event in events if not stop.skips(event))
