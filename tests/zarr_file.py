"""Small images of OME-Zarr, as other programs write them."""


def written(folder, data, axes, *, scale=None, version="0.4", **told):
    """Write an image as other programs do: not all that the standard asks for."""
    import zarr  # an extra, which may be missing

    group = zarr.open_group(str(folder), mode="w", zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=data, chunks=(1,) * (data.ndim - 2) + data.shape[-2:])
    kinds = {"t": "time", "c": "channel"}
    units = {"z": {"unit": "nanometer"}, "y": {"unit": "micrometer"}, "x": {"unit": "micrometer"}}
    known = {"z": 500.0, "y": 0.2, "x": 0.2} | (scale or {})
    level = {
        "path": "0",
        "coordinateTransformations": [
            {"type": "scale", "scale": [known.get(axis, 1.0) for axis in axes]}
        ],
    }
    image = {
        "axes": [
            {"name": axis, "type": kinds.get(axis, "space"), **units.get(axis, {})} for axis in axes
        ],
        "datasets": [level],
    }
    if version == "0.4":
        group.attrs.update({"multiscales": [{"version": "0.4", **image}], **told})
    else:
        group.attrs.update({"ome": {"version": version, "multiscales": [image], **told}})
    return folder
