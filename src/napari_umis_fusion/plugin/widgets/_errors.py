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


def sentence_of(error: Exception) -> str:
    """Return the text of an error as it is shown: it begins with a capital letter, or a name."""
    text = str(error)
    is_word = text.split(" ")[0].isalpha()  # unlike na=2.0 and beads.tif
    return text[:1].upper() + text[1:] if is_word else text
