"""The base of both panels: it ends its work when its dock is closed."""

import atexit
import contextlib
import weakref
from collections.abc import Mapping
from functools import partial
from typing import Any

from qtpy.QtCore import QEvent, QTimer, Signal
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_open: "weakref.WeakSet[DockedWidget]" = weakref.WeakSet()


class DockedWidget(QWidget):
    """A panel in a dock of a viewer.

    napari does not tell a panel that the x of its dock was clicked: it only takes the panel out of
    the dock, and callbacks of the viewer would keep it at work, unseen. A panel that loses its
    parent has been closed. A viewer has one panel of each kind, and their docks are tabs: a second
    one of a kind gives way to the first, which is raised.

    Parameters
    ----------
    napari_viewer : napari viewer
        The viewer.

    Signals
    -------
    valueChanged()
        A row has changed.
    """

    valueChanged = Signal()  # noqa: N815

    def __init__(self, napari_viewer: Any) -> None:
        self._is_docked = self._is_settled = False
        super().__init__()
        # napari's PublicOnlyProxy wraps a layer anew at each access: identity would never hold
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self._is_closed = False
        _open.add(self)
        # Not a bound method: Qt drops those of an object that is being destroyed, and its Python
        # object can no longer be used then.
        self.destroyed.connect(partial(_close, self.__dict__, type(self)._release))

    @property
    def is_closed(self) -> bool:
        """Whether its work has ended, and it does not follow the viewer any more."""
        return self._is_closed

    def close_down(self) -> None:
        """End the work and disconnect from the viewer; further calls do nothing."""
        _close(self.__dict__, type(self)._release)

    @staticmethod
    def _release(parts: dict[str, Any]) -> None:
        """End the work of a panel with these attributes; Qt may have deleted any of them."""
        raise NotImplementedError

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Notice that the panel is put into a dock, or taken out of it."""
        super().changeEvent(event)
        if event.type() != QEvent.Type.ParentChange:
            return
        if self.parent() is not None:
            self._is_docked = True
            if not self._is_settled:
                # Later: napari has not yet added the dock to its window.
                QTimer.singleShot(0, partial(_settle, self))
        elif self._is_docked:
            # Later: it may be moved into another dock.
            QTimer.singleShot(0, partial(_close_if_alone, self))


def release_all(parts: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Release parts of a panel, also those whose Qt objects are deleted already."""
    for name in names:
        with contextlib.suppress(RuntimeError):
            parts[name].release()


def _close(parts: dict[str, Any], release: Any) -> None:
    if not parts.get("_is_closed", True):
        parts["_is_closed"] = True
        release(parts)


@atexit.register
def _close_all() -> None:
    """Close open panels at exit, because Qt deletes its objects then in any order.

    To disconnect from one that is gone would end the process with a segmentation fault.
    """
    for panel in list(_open):
        with contextlib.suppress(RuntimeError):
            panel.close_down()


def _close_if_alone(panel: DockedWidget) -> None:
    with contextlib.suppress(RuntimeError):  # deleted meanwhile
        if panel.parent() is None and not panel._is_closed:
            panel.close_down()
            panel.deleteLater()


def _settle(panel: DockedWidget) -> None:
    """Make the dock of a new panel a tab, or close it where one of its kind is open."""
    with contextlib.suppress(RuntimeError):  # deleted meanwhile
        dock = panel.parent()
        window = dock.parent() if isinstance(dock, QDockWidget) else None
        if panel._is_closed or panel._is_settled or not isinstance(window, QMainWindow):
            return
        for other in window.findChildren(QDockWidget):
            inner = other.widget()
            if not isinstance(inner, DockedWidget) or inner._is_closed or not inner._is_settled:
                continue
            if type(inner) is type(panel):
                other.show()
                other.raise_()
                panel._viewer.window.remove_dock_widget(dock)
                return
            if window.dockWidgetArea(other) == window.dockWidgetArea(dock):
                window.tabifyDockWidget(other, dock)
                dock.raise_()
        panel._is_settled = True
