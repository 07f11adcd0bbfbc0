"""What an image or a plate of OME-Zarr holds, in words."""

from os import PathLike
from typing import Any

from napari_umis_fusion.scale._source import open_source


def describe_zarr(url: str | PathLike[str]) -> dict[str, Any]:
    """Describe an image or a plate of OME-Zarr; no values are read.

    Parameters
    ----------
    url : path or str
        A folder, or an address.

    Returns
    -------
    dict
        JSON values, named as those of `describe_file`; of a plate, those of its first field, with
        the numbers of ``wells`` and ``fields``.

    Raises
    ------
    StackFileError
        If it is not OME-Zarr, or packages of the extra ``scale`` are missing.
    """
    source = open_source(url)
    first, *_ = source.fields
    sizes = first.calibration
    wells = {field.name.rpartition("/")[0] for field in source.fields}
    counts = {"wells": len(wells), "fields": len(source.fields)} if source.plate else {}
    return {
        "kind": "plate of OME-Zarr" if source.plate else "image of OME-Zarr",
        "path": source.url,
        **counts,
        "axes": "".join(first.axes).upper(),
        "shape": list(first.shape),
        "dtype": str(first.output_dtype),
        "z_step_um": sizes.z_step_um,
        "pixel_height_um": sizes.pixel_height_um,
        "pixel_width_um": sizes.pixel_width_um,
        "planes": first.size("z"),
        "channels": first.size("c"),
        "notes": ["is fused into files by umis-fusion batch, into OME-Zarr by umis-fusion zarr"],
    }
