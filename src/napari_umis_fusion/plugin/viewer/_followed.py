"""Follow events of layers that change from time to time."""

from collections.abc import Callable, Iterable
from typing import Any


class FollowedLayers:
    """Calls back at events of some layers, and of no others.

    Parameters
    ----------
    names : iterable of str
        Names of the events.
    callback : callable
        Receives the event.
    """

    def __init__(self, names: Iterable[str], callback: Callable[[Any], None]) -> None:
        self._names, self._callback = tuple(names), callback
        self.layers: list[Any] = []

    def follow(self, layers: Iterable[Any]) -> None:
        """Follow these layers instead of the previous ones."""
        for layer in self.layers:
            for name in self._names:
                getattr(layer.events, name).disconnect(self._callback)
        self.layers = list(layers)
        for layer in self.layers:
            for name in self._names:
                getattr(layer.events, name).connect(self._callback)
