"""``umis-fusion surface``: measure and export the surface that a depth map shows."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from napari_umis_fusion.cli._one_image import (
    OneImage,
    depth_um_of,
    never_in_focus_of,
    open_image,
)
from napari_umis_fusion.cli._options import add_config_options, check_length, given_options
from napari_umis_fusion.cli._report import print_json, print_line
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.surface import (
    MOST_TRIANGLES,
    SURFACE_SUFFIXES,
    HeightMap,
    Roughness,
    SurfaceConfig,
    height_map,
    height_parameters,
    prepare,
    profile_along,
    write_profile,
    write_surface,
)

HEIGHTS = ("sa_um", "sq_um", "sp_um", "sv_um", "sz_um")
SHAPES = ("ssk", "sku")


def add_surface_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "surface",
        help="Measure the roughness of a depth map, and write it as a surface.",
        description="Measure the surface that a depth map shows (height parameters of ISO "
        "25178-2), and write it for other programs.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "map", metavar="MAP", help="Depth map in µm, or index map (whole numbers; needs a z step)."
    )
    parser.add_argument("--image", metavar="P", help="All-in-focus image, the colour of meshes.")
    parser.add_argument(
        "--never-in-focus", metavar="P", help="Image that is not 0 where the depth means nothing."
    )
    parser.add_argument(
        "--pixel-um", type=float, metavar="S", help="Size of a pixel (default: as in the file)."
    )
    parser.add_argument(
        "--z-step-um", type=float, metavar="S", help="Distance of planes, for an index map."
    )
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="P",
        help="Write the surface, without its form, after the filters; may be repeated: "
        f"{', '.join(SURFACE_SUFFIXES)}.",
    )
    parser.add_argument(
        "--line", nargs="+", metavar="ROW,COLUMN", help="Points of a line, in pixels."
    )
    parser.add_argument("--profile", metavar="P", help="Write the heights along the line (.csv).")
    parser.add_argument(
        "--triangles", type=int, default=MOST_TRIANGLES, metavar="N", help="Most of a mesh."
    )
    parser.add_argument(
        "--exaggeration", type=float, default=1.0, metavar="F", help="Stretch heights of meshes."
    )
    add_config_options(parser, SurfaceConfig, "surface options")
    parser.set_defaults(run=run_surface)


def run_surface(arguments: argparse.Namespace) -> None:
    """Print the roughness, and write what is asked for."""
    config = SurfaceConfig(**given_options(arguments, SurfaceConfig))
    line = _line(arguments)
    surface = _open_surface(arguments, config)
    prepared = prepare(surface, config)
    found = height_parameters(prepared, config)
    written = _write(arguments, prepared, line)
    if arguments.json:
        print_json({"roughness": found.as_dict(), "files": [str(path) for path in written]})
        return
    for text in (*_table(found), *(f"written: {path}" for path in written)):
        print_line(text)


def _open_surface(arguments: argparse.Namespace, config: SurfaceConfig) -> HeightMap:
    depth = open_image(arguments.map)
    return height_map(
        depth_um_of(depth, arguments.map, arguments.z_step_um),
        _pixel_size_um(depth, arguments),
        never_in_focus=never_in_focus_of(arguments.never_in_focus),
        top=config.top,
    )


def _pixel_size_um(depth: OneImage, arguments: argparse.Namespace) -> tuple[float, float]:
    known = depth.calibration
    check_length("--pixel-um", arguments.pixel_um)
    if arguments.pixel_um is not None:
        return arguments.pixel_um, arguments.pixel_um
    if known.pixel_height_um is None or known.pixel_width_um is None:
        raise ConfigError(f"{arguments.map} does not tell the size of its pixels: add --pixel-um.")
    return known.pixel_height_um, known.pixel_width_um


def _line(arguments: argparse.Namespace) -> list[list[float]] | None:
    if (arguments.line is None) != (arguments.profile is None):
        raise ConfigError("--line says where, --profile names the table; give both or neither.")
    return None if arguments.line is None else [_point(text) for text in arguments.line]


def _point(text: str) -> list[float]:
    try:
        row, column = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--line {text}; accepted are points such as 10,25.") from None
    return [row, column]


def _write(
    arguments: argparse.Namespace, surface: HeightMap, line: Sequence[Sequence[float]] | None
) -> list[Any]:
    inputs = [arguments.map, arguments.image, arguments.never_in_focus]
    protect = [path for path in inputs if path is not None]
    image = None if arguments.image is None else open_image(arguments.image).pixels
    written: list[Any] = []
    for path in arguments.output:
        written += write_surface(
            path,
            surface,
            image=image,
            most_triangles=arguments.triangles,
            exaggeration=arguments.exaggeration,
            protect=protect,
        )
    if line is not None:
        written.append(
            write_profile(arguments.profile, profile_along(surface, line), protect=protect)
        )
    return written


def _table(found: Roughness) -> Iterable[str]:
    for name in HEIGHTS:
        yield f"{name.removesuffix('_um').capitalize():<4} {getattr(found, name):.4g} µm"
    for name in SHAPES:
        yield f"{name.capitalize():<4} {getattr(found, name):.3f}"
    yield f"on {found.conditions()}"
