"""Planes that were saved as channels: recognised, and read as planes."""

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import read_layers
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import may_be_planes


def save(folder, count, names=None, axes="CYX", **options):
    shape = {"CYX": (count,), "TCYX": (2, count), "CZYX": (count, 3)}[axes]
    data = np.arange(np.prod(shape) * 30, dtype=np.uint16).reshape(*shape, 6, 5)
    channel = {} if names is None else {"Channel": {"Name": names}}
    told = {"axes": axes, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, **channel}
    tifffile.imwrite(folder / "s.ome.tif", data, metadata=told, **options)
    return folder / "s.ome.tif", data


@pytest.mark.parametrize(
    ("count", "names", "axes", "wanted"),
    [
        (3, ["Z0", "Z1", "Z2"], "CYX", True),
        (3, ["BF z=0.5um", "BF z=1um", "BF z=1.5um"], "CYX", True),
        (3, ["DAPI", "GFP", "Cy3"], "CYX", False),
        (3, ["DAPI", "z1", "Cy3"], "CYX", False),
        (4, None, "CYX", False),
        (7, None, "CYX", True),
        (20, None, "CYX", True),
        (7, None, "CZYX", False),
        (7, None, "TCYX", False),
    ],
)
def test_what_may_be_planes(tmp_path, count, names, axes, wanted):
    path, data = save(tmp_path, count, names, axes)
    assert may_be_planes(read_layers(path)) is wanted
    if axes != "CYX":
        with pytest.raises(StackFileError, match="its channels cannot be planes; accepted are"):
            read_layers(path, z_axis="C")
        return
    ((array, attributes, _),) = read_layers(path, z_axis="C")
    np.testing.assert_array_equal(array, data)
    assert attributes["axis_labels"] == ("z", "y", "x")
    assert attributes["scale"] == (1.0, 0.5, 0.5)
    assert attributes["name"] == "s"
    assert "colormap" not in attributes
    told = attributes["metadata"]["umis_fusion_file"]
    assert told["selected"] == {"z_axis": "C"}, "a script reads it again"


@pytest.mark.parametrize(("count", "wanted"), [(4, False), (7, True)])
def test_samples_of_pixels_may_be_planes_too(tmp_path, count, wanted):
    data = np.arange(count * 30, dtype=np.uint16).reshape(6, 5, count)
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "s.tif", data, metadata=None, **options)
    assert may_be_planes(read_layers(tmp_path / "s.tif")) is wanted
    ((array, _, _),) = read_layers(tmp_path / "s.tif", z_axis="C")
    np.testing.assert_array_equal(array, np.moveaxis(data, -1, 0))
