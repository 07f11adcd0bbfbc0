"""Write surfaces and profiles for other programs: meshes, metrology formats, tables."""

import importlib
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.errors import ConfigError, StackError, StackFileError
from napari_umis_fusion.files.write import check_csv_path, naming_write_errors
from napari_umis_fusion.runtime import (
    atomic_write,
    first_same,
    needs_extra,
    package_version,
    user_path,
    write_csv,
)
from napari_umis_fusion.surface._height_map import HeightMap
from napari_umis_fusion.surface._mesh import MOST_TRIANGLES, Mesh, mesh_of
from napari_umis_fusion.surface._profile import Profile

MESHES = (".ply", ".obj", ".stl", ".glb")
METROLOGY = (".x3p", ".sdf")
SURFACE_SUFFIXES = (*MESHES, *METROLOGY)

METRES_PER_UM = 1e-6
SAMPLES = (3, 4)

Files = dict[str, bytes]


def write_surface(
    path: str | os.PathLike[str],
    surface: HeightMap,
    *,
    image: ArrayLike | None = None,
    most_triangles: int = MOST_TRIANGLES,
    exaggeration: float = 1.0,
    protect: Iterable[str | os.PathLike[str]] = (),
) -> list[Path]:
    """Write a surface in the format of the file name's extension.

    ========= ================================================== =================================
    extension content                                            unit and axes
    ========= ================================================== =================================
    .ply      triangles, a colour at each vertex                 µm; x right, y up, z towards you
    .obj      triangles, texture in .mtl and -texture.png        as .ply
    .stl      triangles                                          as .ply
    .glb      triangles, the image as texture                    metres; y towards you (glTF 2.0)
    .x3p      heights, NaN where not measured (ISO 25178-72)     metres, rows upwards
    .sdf      heights, NaN where not measured (ISO 25178-71)     metres, rows upwards
    ========= ================================================== =================================

    Each file is complete or absent. Existing files are replaced.

    Parameters
    ----------
    path : path
        Ends in one of these extensions.
    surface : HeightMap
        The surface. Metrology formats hold all its points.
    image : array_like of shape (Y, X) or (Y, X, 3 or 4), optional
        All-in-focus image for colour: uint8 is kept, other dtypes are scaled from minimum to
        maximum.
    most_triangles : int
        Meshes have no more.
    exaggeration : float
        Factor by which meshes stretch heights. Metrology formats hold the heights themselves.
    protect : iterable of path
        Files that must not be overwritten.

    Returns
    -------
    list of pathlib.Path
        The files, the one asked for first.

    Raises
    ------
    StackFileError
        If the extension is unknown, a file is protected or cannot be written.
    StackError
        If the image does not have the size of the surface.
    ConfigError
        If an option is out of bounds, or the extra ``surface`` is not installed.
    """
    target = user_path(path)
    suffix = target.suffix.lower()
    if suffix not in SURFACE_SUFFIXES:
        raise StackFileError(
            f"{target}: cannot write this kind of file; accepted extensions are "
            f"{', '.join(SURFACE_SUFFIXES)}."
        )
    if suffix in METROLOGY:
        files = {target.name: _metrology(surface, suffix)}
    else:
        colours = None if image is None else _as_colours(image, surface)
        mesh = mesh_of(surface, most_triangles=most_triangles, exaggeration=exaggeration)
        files = _mesh_files(target, mesh, colours)
    return _write_files(target.parent, files, protect)


def write_profile(
    path: str | os.PathLike[str],
    profile: Profile,
    *,
    protect: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """Write a profile as a table (.csv): distance and height in µm, row and column in pixels.

    Heights that were not measured are left empty.

    Parameters
    ----------
    path : path
        A file that ends in .csv.
    profile : Profile
        The heights along a line.
    protect : iterable of path
        Files that are not overwritten.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    StackFileError
        If the extension is not .csv, the file is protected or cannot be written.
    """
    target = check_csv_path(path, protect=protect)
    rows = [("distance_um", "height_um", "row_px", "column_px")]
    for distance, height, (row, column) in zip(
        profile.distance_um.tolist(),
        profile.heights_um.tolist(),
        profile.points_px.tolist(),
        strict=True,
    ):
        shown = "" if np.isnan(height) else f"{height:.9g}"
        rows.append((f"{distance:.9g}", shown, f"{row:.6g}", f"{column:.6g}"))
    with naming_write_errors(target):
        write_csv(target, rows)
    return target


def _write_files(
    folder: Path, files: Files, protect: Iterable[str | os.PathLike[str]]
) -> list[Path]:
    """Write the files, the first one last: it is there only if those that it names are."""
    targets = [folder / name for name in files]
    inputs = list(protect)
    for target in targets:
        if first_same(target, inputs) is not None:
            raise StackFileError(
                f"{target}: is an input, which is never overwritten. Choose another name."
            )
    for target, content in reversed(list(zip(targets, files.values(), strict=True))):
        with naming_write_errors(target), atomic_write(target) as temporary:
            temporary.write_bytes(content)
    return [target.resolve() for target in targets]


def _metrology(surface: HeightMap, suffix: str) -> bytes:
    rows_um, columns_um = surface.pixel_size_um
    # both formats count rows upwards, images count them downwards
    heights = np.ascontiguousarray(surface.heights_um[::-1]) * METRES_PER_UM
    scales = {"x_scale": columns_um * METRES_PER_UM, "y_scale": rows_um * METRES_PER_UM}
    stream = io.BytesIO()
    if suffix == ".sdf":
        sdfio = _extra("sdfio")
        metadata = sdfio.Metadata(manufacturer_id="umisfusion")
        sdfio.write(stream, heights, metadata=metadata, **scales)
    else:
        x3pio = _extra("x3pio")
        probing = x3pio.ProbingSystem(x3pio.ProbingType.NON_CONTACTING, "focus variation")
        instrument = x3pio.Instrument(model="napari-umis-fusion", version=package_version())
        metadata = x3pio.Metadata(instrument=instrument, probing_system=probing)
        x3pio.write(stream, heights, metadata=metadata, **scales)
    return stream.getvalue()


def _mesh_files(target: Path, mesh: Mesh, colours: NDArray[np.uint8] | None) -> Files:
    """Return the content of each file, the target first."""
    suffix = target.suffix.lower()
    made = _trimesh(mesh, colours, as_vertices=suffix == ".ply")
    if suffix == ".glb":
        # glTF: metres, y up; (x, y, z) becomes (x, z, -y)
        made.apply_transform(
            METRES_PER_UM * np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1e6]])
        )
    if suffix != ".obj":
        content = made.export(file_type=suffix[1:])
        return {target.name: content if isinstance(content, bytes) else content.encode()}
    from trimesh.exchange.obj import export_obj

    if colours is not None:
        # not the stem alone: that may be the name of the image itself
        made.visual.material.name = f"{target.stem}-texture"
    text, beside = export_obj(  # type: ignore[no-untyped-call]
        made, return_texture=True, mtl_name=f"{target.stem}.mtl", header="heights and widths in µm"
    )
    return {target.name: text.encode(), **beside}


def _trimesh(mesh: Mesh, colours: NDArray[np.uint8] | None, *, as_vertices: bool) -> Any:
    """Return the mesh with x to the right, y up as the image is seen, and z towards the viewer."""
    trimesh = _extra("trimesh")
    heights, rows, columns = mesh.vertices_um.astype(np.float64).T
    vertices = np.stack([columns, rows.max() - rows, heights], axis=1)
    visual = None
    if colours is not None and as_vertices:
        # a vertex lies on a pixel's centre
        size = np.array(colours.shape[1::-1])
        x, y = np.floor(mesh.texture * size).astype(int).T
        visual = trimesh.visual.ColorVisuals(vertex_colors=colours[y, x])
    elif colours is not None:
        from PIL import Image

        material = trimesh.visual.material.SimpleMaterial(image=Image.fromarray(colours))
        # textures are measured from the bottom
        places = np.stack([mesh.texture[:, 0], 1 - mesh.texture[:, 1]], axis=1)
        visual = trimesh.visual.TextureVisuals(uv=places, material=material)
    return trimesh.Trimesh(vertices, mesh.triangles, visual=visual, process=False)


def _as_colours(image: ArrayLike, surface: HeightMap) -> NDArray[np.uint8]:
    """Return the image as RGB or RGBA of 8 bits."""
    pixels = np.asarray(image)
    is_colour = pixels.ndim == 3 and pixels.shape[2] in SAMPLES
    if not (pixels.ndim == 2 or is_colour) or pixels.shape[:2] != surface.heights_um.shape:
        raise StackError(
            f"the image has shape {pixels.shape}; accepted are (Y, X) and (Y, X, 3 or 4) of the "
            f"surface's {surface.heights_um.shape}."
        )
    if pixels.dtype != np.uint8:
        values = pixels.astype(np.float32)
        low, high = np.nanmin(values), np.nanmax(values)
        span = high - low if high > low else np.float32(1)
        values = np.nan_to_num((values - low) / span * 255, posinf=255, neginf=0)
        pixels = np.rint(values).astype(np.uint8)
    return np.stack([pixels] * 3, axis=-1) if pixels.ndim == 2 else pixels


def _extra(name: str) -> Any:
    """Import a library of the extra `surface`."""
    with needs_extra("surface", (name,), f"this file is written by {name}", ConfigError):
        return importlib.import_module(name)
