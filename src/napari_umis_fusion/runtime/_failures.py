"""Why work failed, as a sentence for the user."""

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.runtime._foreign_files import reason_of


def failure_reason(error: Exception) -> str:
    """Return why work failed: as our errors say it, or by the kind of an unexpected one."""
    if isinstance(error, UmisFusionError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory; close other programs, or set a lower memory_mb"
    if isinstance(error, OSError):
        return f"{error.filename}: {reason_of(error)}" if error.filename else reason_of(error)
    return f"unexpected {type(error).__name__}: {reason_of(error)}"


def sentence_of(error: Exception) -> str:
    """Return why work failed, as a panel shows it."""
    return capitalised(failure_reason(error))


def capitalised(text: str) -> str:
    """Return a text that begins with a capital letter, or with a name such as na=2.0 or a.tif."""
    is_word = text.split(" ")[0].rstrip(",;").isalpha()
    return text[:1].upper() + text[1:] if is_word else text
