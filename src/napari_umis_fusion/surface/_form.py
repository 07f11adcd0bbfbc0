"""The F-operation of ISO 25178-2: fit a form by least squares, and subtract it."""

from functools import partial

import numpy as np
from numpy.polynomial import legendre

from napari_umis_fusion.runtime import Float64Array, check_field
from napari_umis_fusion.surface._config import Form, SurfaceConfig
from napari_umis_fusion.surface._height_map import HeightMap

DEGREES: dict[Form, int] = {
    "plane": 1,
    "polynomial 2": 2,
    "polynomial 3": 3,
    "polynomial 4": 4,
}
ROWS_AT_ONCE = 64

MOST_FITTED = 100_000
"""Points that the fit of a sphere or cylinder looks at; more change it by less than its noise."""


def remove_form(surface: HeightMap, form: Form = "plane") -> HeightMap:
    """Subtract the form that fits the measured points best.

    Parameters
    ----------
    surface : HeightMap
        The surface.
    form : Form
        "none", "plane", "polynomial 2" to "polynomial 4", "sphere" or "cylinder". Squared
        differences of height are minimised.

    Returns
    -------
    HeightMap
        What is left. Points that a sphere or cylinder does not reach are not measured any more.

    Raises
    ------
    ConfigError
        If the form is unknown.
    """
    check_field(SurfaceConfig.__dataclass_fields__["form"], form)
    if form == "none":
        return surface
    y, x = _centred(surface)
    if form in DEGREES:
        fitted = _polynomial(surface.heights_um, y, x, DEGREES[form])
    else:
        fitted = _rounded(surface.heights_um, y, x, with_axis=form == "cylinder")
    return surface.with_heights(surface.heights_um - fitted)


def _centred(surface: HeightMap) -> tuple[Float64Array, Float64Array]:
    """Return the places of rows and columns, in µm from the centre of the field."""
    rows, columns = (
        (np.arange(count) - (count - 1) / 2) * size
        for count, size in zip(surface.heights_um.shape, surface.pixel_size_um, strict=True)
    )
    return rows, columns


def _polynomial(
    heights: Float64Array, y: Float64Array, x: Float64Array, degree: int
) -> Float64Array:
    """Return the polynomial of total degree `degree` that fits best."""
    # Legendre polynomials on -1 to 1 are nearly orthogonal, so the normal equations are sound.
    across = legendre.legvander(x / abs(x[0]), degree)
    down = legendre.legvander(y / abs(y[0]), degree)
    terms = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    squares, right = np.zeros((len(terms), len(terms))), np.zeros(len(terms))
    level = np.nanmean(heights)
    for top in range(0, len(y), ROWS_AT_ONCE):
        rows = slice(top, top + ROWS_AT_ONCE)
        measured = np.isfinite(heights[rows])
        columns = [(down[rows, i, None] * across[None, :, j])[measured] for i, j in terms]
        design = np.stack(columns, axis=1)
        squares += design.T @ design
        right += design.T @ (heights[rows][measured] - level)
    solution = np.linalg.lstsq(squares, right, rcond=None)[0]
    grid = np.zeros((degree + 1, degree + 1))
    for (i, j), value in zip(terms, solution, strict=True):
        grid[i, j] = value
    fitted: Float64Array = down @ grid @ across.T + level
    return fitted


def _rounded(
    heights: Float64Array, y: Float64Array, x: Float64Array, *, with_axis: bool
) -> Float64Array:
    """Return the sphere, or the cylinder of any direction and tilt, that fits best."""
    from scipy.optimize import least_squares

    stride = max(1, int(np.sqrt(heights.size / MOST_FITTED)))
    some = heights[::stride, ::stride]
    measured = np.isfinite(some)
    down, across = np.meshgrid(y[::stride], x[::stride], indexing="ij")
    points = down[measured], across[measured], some[measured]
    start, size = _first_guess(*points, with_axis=with_axis)

    def misses(parameters: Float64Array) -> Float64Array:
        sag = _tangent_form(*points[:2], parameters * size)
        # beyond the sphere's rim there is no height; the distance itself pulls it wider
        return np.where(np.isfinite(sag), sag - points[2], points[2].std() + 1)

    found = least_squares(misses, start / size, x_scale="jac", max_nfev=200).x * size
    return _tangent_form(y[:, None], x[None, :], found)


def _first_guess(
    y: Float64Array, x: Float64Array, heights: Float64Array, *, with_axis: bool
) -> tuple[Float64Array, Float64Array]:
    """Return height, slopes, curvature (and direction) from a quadric, and their scales."""
    design = np.stack([np.ones_like(x), y, x, y * y, x * y, x * x], axis=1)
    level, down, across, yy, xy, xx = np.linalg.lstsq(design, heights, rcond=None)[0]
    curvatures, axes = np.linalg.eigh([[2 * yy, xy], [xy, 2 * xx]])
    extent = max(np.ptp(y), np.ptp(x))
    sizes = [max(np.ptp(heights), 1e-6), 0.1, 0.1, 0.1 / extent]
    if not with_axis:
        return np.array([level, down, across, curvatures.mean()]), np.array(sizes)
    bent = int(np.argmax(np.abs(curvatures)))
    axis = axes[:, 1 - bent]
    direction = np.arctan2(axis[0], axis[1])
    start = np.array([level, down, across, curvatures[bent], direction])
    return start, np.array([*sizes, 0.1])


def _tangent_form(y: Float64Array, x: Float64Array, parameters: Float64Array) -> Float64Array:
    """Return the height of the sphere or cylinder that touches a plane at the centre.

    Parameters are the height, the slopes along y and x, and the curvature at the centre; for a
    cylinder also the direction of its axis. A curvature of 0 is the plane itself, so that nearly
    flat surfaces have no singularity. The root of a quadratic equation that lies nearer to the
    plane is taken; NaN where there is none.
    """
    level, down, across, curvature = parameters[:4]
    normal = np.array([1.0, -down, -across])
    normal /= np.linalg.norm(normal)
    axis = np.zeros(3)
    if len(parameters) == 5:
        axis[1:] = np.sin(parameters[4]), np.cos(parameters[4])
        axis -= (axis @ normal) * normal
        axis /= np.linalg.norm(axis)
    along = partial(_along, y, x)
    square = curvature * (1 - axis[0] ** 2)
    half = normal[0] + curvature * along(axis) * axis[0]
    rest = curvature * (y**2 + x**2 - along(axis) ** 2) - 2 * along(normal)
    inside = half**2 - square * rest
    root = np.sqrt(np.where(inside >= 0, inside, np.nan))
    heights: Float64Array = level + rest / (half + root)
    return heights


def _along(y: Float64Array, x: Float64Array, direction: Float64Array) -> Float64Array:
    """Return how far points of the plane z = 0 lie along a direction (z, y, x)."""
    projected: Float64Array = direction[1] * y + direction[2] * x
    return projected
