"""The file to write after a dialog."""

from pathlib import Path

from napari_umis_fusion.errors import UmisFusionError


def file_to_write(chosen: str | Path, suffix: str) -> Path:
    """Return the chosen file with the required extension.

    Raises
    ------
    UmisFusionError
        If the file with that extension exists: the dialog has confirmed another name.
    """
    path = Path(chosen)
    if path.suffix.lower() == suffix:
        return path
    path = path.with_name(f"{path.name}{suffix}")
    if path.exists():
        raise UmisFusionError(
            f"{path} exists already; select this file to replace it, or another name."
        )
    return path
