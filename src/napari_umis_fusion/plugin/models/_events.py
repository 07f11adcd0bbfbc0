"""A signal to all open widgets that the library of models has changed."""

from qtpy.QtCore import QObject, Signal


class _ModelEvents(QObject):
    library_changed = Signal()


_EVENTS = _ModelEvents()

library_changed = _EVENTS.library_changed
"""Emitted on the main thread whenever a widget adds, renames, annotates or deletes a model.

A widget that connects to it disconnects when it is closed: the signal outlives all widgets.
"""
