"""Losses of a rebuilt image against its input.

All take tensors of shape (N, 1, Y, X) from -1 to 1 and return a scalar tensor, 0 for identical
images; both sides must be at least 3 px.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.training._options import SpatialFrequency

_MIN_SQUARE = 1e-12
"""Added as a minimum below the root, whose derivative is infinite at 0."""


def mse_loss(rebuilt: Tensor, image: Tensor) -> Tensor:
    """Compute the mean squared error."""
    return F.mse_loss(rebuilt, image)


def ssim_loss(rebuilt: Tensor, image: Tensor) -> Tensor:
    """Compute 1 - structural similarity.

    Gaussian window of 11 x 11 px, sigma 1.5 px, zeros outside, C1 = 0.01^2 and C2 = 0.03^2, as
    published.

    References
    ----------
    Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, IEEE
    TIP 2004. https://doi.org/10.1109/TIP.2003.819861
    """
    c1, c2 = 0.01**2, 0.03**2
    mean_a, mean_b = _blur(rebuilt), _blur(image)
    variance_a = _blur(rebuilt**2) - mean_a**2
    variance_b = _blur(image**2) - mean_b**2
    covariance = _blur(rebuilt * image) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    most = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return 1 - (likeness / most).mean()


def gradient_loss(rebuilt: Tensor, image: Tensor) -> Tensor:
    """Compute the mean squared difference of the Sobel gradients' magnitudes, no padding."""
    return F.mse_loss(_sobel(rebuilt), _sobel(image))


def spatial_frequency_loss(
    rebuilt: Tensor, image: Tensor, kind: SpatialFrequency = "differences"
) -> Tensor:
    """Compute the mean squared difference of the spatial frequencies of each inner pixel.

    Parameters
    ----------
    rebuilt, image : Tensor of shape (N, 1, Y, X)
        In -1 to 1.
    kind : {"differences", "published"}
        'differences': root of the sum of the squared differences to the left and to the upper
        neighbour. 'published': the same of the neighbours' values, which is what the original
        computes and no spatial frequency.
    """
    return F.mse_loss(_spatial_frequency(rebuilt, kind), _spatial_frequency(image, kind))


def _blur(x: Tensor) -> Tensor:
    """Convolve with the window of the structural similarity."""
    at = torch.arange(-5, 6, device=x.device, dtype=x.dtype)
    bell = torch.exp(-(at**2) / (2 * 1.5**2))
    bell = bell / bell.sum()
    along_y = F.conv2d(x, bell.reshape(1, 1, 11, 1), padding=(5, 0))
    return F.conv2d(along_y, bell.reshape(1, 1, 1, 11), padding=(0, 5))


def _sobel(x: Tensor) -> Tensor:
    """Compute the magnitude of the gradient of the inner pixels."""
    across = x[..., 2:] - x[..., :-2]
    gx = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    down = x[..., 2:, :] - x[..., :-2, :]
    gy = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return (gx**2 + gy**2 + 1e-5).sqrt()


def _spatial_frequency(x: Tensor, kind: SpatialFrequency) -> Tensor:
    """Compute the root of squares of the left and upper neighbours of the inner pixels."""
    left, upper = x[..., 1:-1, :-2], x[..., :-2, 1:-1]
    if kind == "differences":
        here = x[..., 1:-1, 1:-1]
        left, upper = left - here, upper - here
    return (left**2 + upper**2).clamp_min(_MIN_SQUARE).sqrt()
