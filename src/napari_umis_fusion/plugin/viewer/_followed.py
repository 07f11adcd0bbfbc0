"""Follow events of layers that change from time to time."""

import operator
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
        layers = list(layers)
        if len(layers) == len(self.layers) and all(map(operator.is_, layers, self.layers)):
            return  # napari looks at the callback's signature each time
        for layer in self.layers:
            for name in self._names:
                getattr(layer.events, name).disconnect(self._callback)
        self.layers = layers
        for layer in layers:
            for name in self._names:
                getattr(layer.events, name).connect(self._callback)
