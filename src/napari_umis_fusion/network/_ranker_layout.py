"""The plane ranker in numbers, for all that builds it; torch is not imported."""

WIDTHS = (16, 32, 48, 64)
"""Channels at a half, a quarter, an eighth and a sixteenth of the resolution."""

ENCODERS = (1, 2, 2)
"""Convolutions of the features of single planes, at each of the coarser scales."""

STRIDE_PX = 16
"""Planes are padded to multiples of this: the coarsest scale is a sixteenth."""

REACH_PX = 144
"""Radius of the receptive field: pixels farther away do not change a score. A multiple of
`STRIDE_PX`, so that strips of rows begin on the grid of the coarsest scale."""

REACH_PLANES = 3
"""Planes on either side on which a score depends: one for each comparison with neighbours."""

LOCAL_MEAN_PX = 8
"""Side of the blocks of the local mean, which covers about three of them."""

CONTRAST_GAIN = 10.0
"""Scales the texture of planes that span 0 to 1 to the order of 1."""

DARKEST_ENERGY = 1e-3
"""Added to energies, so that the logarithm of no contrast is finite; about the square of one grey
level of 8 bits, after `CONTRAST_GAIN`."""

BOTH_ORDERS = "both_orders"
"""Entry of the weights, of shape (1,): 1 if both orders of a plane's neighbours are averaged. Files
of before lack it: their networks know one order, and stay so."""

LATE_LAYERS = ("second_mix.", "up.", "after.", "head.")
"""Beginnings of the names of the layers that decide: the last comparison and what follows."""

HEAD_WIDTH = 16
"""Channels of a plane that are kept at half the resolution until the last stage."""


def plane_ranker_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of weights, under its name in files."""
    half, quarter, eighth, sixteenth = WIDTHS
    levels = (quarter, eighth, sixteenth)
    layers: dict[str, tuple[int, ...]] = {
        "energies": (quarter, 2 * half, 1, 1),
        "skip": (HEAD_WIDTH, half, 1, 1),
        "head": (2 * 2**2, HEAD_WIDTH, 3, 3),
    }
    for k, (fine, coarse) in enumerate(zip(WIDTHS[:-1], levels, strict=True)):
        layers[f"down.{k}"] = (coarse, fine, 3, 3)
        layers[f"up.{k}"] = ((HEAD_WIDTH, *levels)[k], coarse, 1, 1)
        layers[f"between.{k}.conv"] = (coarse, coarse, 3, 3)
        for block in range(ENCODERS[k]):
            layers[f"encode.{k}.{block}.conv"] = (coarse, coarse, 3, 3)
        for mix in ("first_mix", "second_mix"):
            layers[f"{mix}.{k}.conv"] = (coarse, 3 * coarse, 1, 1)
    for block in range(2):
        layers[f"after.{block}.conv"] = (quarter, quarter, 3, 3)
    shapes: dict[str, tuple[int, ...]] = {
        "filters.weight": (half, 4, 3, 3),
        "motion.weight": (half, 3 * half, 1, 1),
        "prior.weight": (2, half, 1, 1),
        BOTH_ORDERS: (1,),
    }
    for name, shape in layers.items():
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = shape, shape[:1]
    return shapes
