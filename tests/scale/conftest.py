"""OME-Zarr inputs of the tests, written with zarr alone."""

import json

import numpy as np
import pytest
import zarr


def _stack(height=96, width=128, planes=4, channels=1, *, dtype=np.uint16, seed=0):
    """Detail that is in focus at a plane that changes along y; (C, Z, Y, X)."""
    rng = np.random.default_rng(seed)
    detail = rng.normal(size=(channels, 1, height, width))
    place = np.linspace(0, planes - 1, height)[:, None]
    away = abs(place - np.arange(planes)[:, None, None])
    noise = rng.normal(0, 0.05, (channels, planes, height, width))
    return np.clip(120 + 30 * (detail / (1 + 2 * away) + noise), 0, 255).astype(dtype)


def _group(path, attributes, version):
    path.mkdir(parents=True, exist_ok=True)
    if version == "0.5":
        content = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        (path / "zarr.json").write_text(json.dumps(content))
    else:
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps(attributes))


def _ome(content, version):
    if version == "0.5":
        return {"ome": {"version": "0.5", **content}}
    (name, told), *rest = content.items()
    is_list = isinstance(told, list)
    first = {**(told[0] if is_list else told), "version": version}
    return {name: [first] if is_list else first, **dict(rest)}


def _write_image(
    path, data, axes="czyx", *, version="0.5", omero=True, unit="micrometer", origin=None
):
    """Write an image with a z step of 2 um and pixels of 0.5 um, by default at 0."""
    kinds = {"t": "time", "c": "channel"}
    described = [
        {"name": one, "type": kinds.get(one, "space"), **({"unit": unit} if one in "zyx" else {})}
        for one in axes
    ]
    scale = [{"z": 2.0, "y": 0.5, "x": 0.5}.get(one, 1.0) for one in axes]
    steps = [{"type": "scale", "scale": scale}]
    if origin is not None:
        steps.append({"type": "translation", "translation": origin})
    multiscale = {
        "axes": described,
        "datasets": [{"path": "0", "coordinateTransformations": steps}],
    }
    content = {"multiscales": [multiscale]}
    if omero and "c" in axes:
        window = {"min": 0, "max": 255, "start": 10, "end": 200}
        names = ["DAPI", "GFP", "Cy5"][: data.shape[axes.index("c")]]
        colours = ["0000FF", "00FF00", "FF0000"]
        content["omero"] = {
            "channels": [
                {"label": name, "color": colour, "window": window, "active": True}
                for name, colour in zip(names, colours, strict=False)
            ]
        }
    _group(path, _ome(content, version), version)
    form = 3 if version == "0.5" else 2
    chunks = (*(1,) * (data.ndim - 2), 64, 64)
    array = zarr.create_array(
        str(path / "0"), shape=data.shape, chunks=chunks, dtype=data.dtype, zarr_format=form
    )
    array[...] = data
    return path


def _write_plate(path, wells=("B/03", "C/01"), fields=2, *, version="0.5", **kinds):
    """Write a plate; each field has a stack of its own."""
    rows = sorted({well.split("/")[0] for well in wells})
    columns = sorted({well.split("/")[1] for well in wells})
    plate = {
        "name": "screen",
        "rows": [{"name": one} for one in rows],
        "columns": [{"name": one} for one in columns],
        "wells": [
            {
                "path": well,
                "rowIndex": rows.index(well.split("/")[0]),
                "columnIndex": columns.index(well.split("/")[1]),
            }
            for well in wells
        ],
        "field_count": fields,
    }
    _group(path, _ome({"plate": plate}, version), version)
    for number, well in enumerate(wells):
        images = [{"path": str(one)} for one in range(fields)]
        _group(path / well.split("/")[0], {}, version)
        _group(path / well, _ome({"well": {"images": images}}, version), version)
        for one in range(fields):
            data = _stack(seed=10 * number + one, **kinds)
            _write_image(path / well / str(one), data, version=version)
    return path


@pytest.fixture(scope="session")
def a_stack():
    return _stack


@pytest.fixture(scope="session")
def write_image():
    return _write_image


@pytest.fixture(scope="session")
def write_plate():
    return _write_plate
