"""Which file to write once a dialog has named one."""

from pathlib import Path

from napari_umis_fusion.errors import UmisFusionError


def file_to_write(chosen: str | Path, ending: str) -> Path:
    """Return the file that was chosen, with the ending that it must have.

    Raises
    ------
    UmisFusionError
        If a file with that ending is there already: the dialog has asked about another one.
    """
    path = Path(chosen)
    if path.suffix.lower() == ending:
        return path
    path = path.with_name(f"{path.name}{ending}")
    if path.exists():
        raise UmisFusionError(f"{path} exists already; choose it, or another name.")
    return path
