"""Which errors are told in a sentence, and which with a traceback."""

from napari.utils.notifications import notification_manager

from napari_umis_fusion.errors import UmisFusionError


def is_expected(error: Exception) -> bool:
    """Return whether an error is about data, files or memory, so that a sentence is enough."""
    return isinstance(error, (UmisFusionError, OSError, MemoryError))


def tell_unexpected(error: Exception) -> None:
    """Hand an error of the plugin to napari, whose traceback helps to report it."""
    if not is_expected(error):
        notification_manager.receive_error(type(error), error, error.__traceback__)
