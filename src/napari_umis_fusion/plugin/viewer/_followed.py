"""Follow events of layers that change from time to time."""

import operator
from collections.abc import Callable, Iterable
from typing import Any


class NamedLayers:
    """Remembers under which names layers are offered, so that a choice outlives a new name.

    Parameters
    ----------
    callback : callable
        Offers them again; called once a layer has another name.
    """

    def __init__(self, callback: Callable[[Any], None]) -> None:
        self._followed = FollowedLayers(["name"], callback)
        self._names: list[str] = []

    def follow(self, layers: Iterable[Any]) -> list[str]:
        """Follow these layers instead of the previous ones; return their names."""
        self._followed.follow(layers)
        self._names = [layer.name for layer in self._followed.layers]
        return list(self._names)

    def now(self, name: str) -> str:
        """Return the present name of the layer that was offered under a name."""
        known = name in self._names
        return str(self._followed.layers[self._names.index(name)].name) if known else name


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
