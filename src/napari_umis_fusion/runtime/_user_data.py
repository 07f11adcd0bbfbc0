"""Where the data of a user are."""

import os
from pathlib import Path

import platformdirs

from napari_umis_fusion.runtime._user_path import user_path


def user_data(name: str, variable: str) -> Path:
    """Return a file or folder of the user's data, which may not exist yet.

    Parameters
    ----------
    name : str
        Its name in the folder of this package's data.
    variable : str
        Environment variable that may name another place.
    """
    given = os.environ.get(variable)
    if given:
        return user_path(given).absolute()
    return platformdirs.user_data_path("napari-umis-fusion", appauthor=False) / name
