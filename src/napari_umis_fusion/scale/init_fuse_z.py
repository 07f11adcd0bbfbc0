"""The first part of the Fractal task: it says where results go, and writes the plates above them.

Fractal runs this file by its path, and takes the function of the same name.
"""

from typing import TYPE_CHECKING, Any

from pydantic import validate_call

from napari_umis_fusion.scale._fractal import Destination, destination_of, run_as_task
from napari_umis_fusion.scale._plate import add_to_plate

if TYPE_CHECKING:
    from pathlib import Path


@validate_call
def init_fuse_z(*, zarr_urls: list[str], zarr_dir: str, suffix: str = "fused") -> dict[str, Any]:
    """Prepare the fusion of z-stacks: results go into a new plate, or beside their images.

    Parameters
    ----------
    zarr_urls : list of str
        Paths of the images to fuse. Set by Fractal.
    zarr_dir : str
        Folder of the dataset. Set by Fractal; results stay beside their images.
    suffix : str
        End of the name of the new plate, or of the new image where there is no plate.

    Returns
    -------
    dict
        The list by which Fractal runs `fuse_z`.
    """
    known: dict[Path, Any] = {}
    found = {url: destination_of(url.rstrip("/"), suffix, known) for url in zarr_urls}
    plates: dict[Path, list[Destination]] = {}
    for one in found.values():
        if one.plate is not None:
            plates.setdefault(one.plate, []).append(one)
    for plate, fields in plates.items():
        add_to_plate(plate, fields[0].told or {}, [one.name for one in fields])
    return {
        "parallelization_list": [
            {
                "zarr_url": str(one.url),
                "init_args": {"origin_url": url, "plate": one.plate.name if one.plate else None},
            }
            for url, one in found.items()
        ]
    }


if __name__ == "__main__":
    run_as_task(init_fuse_z)
