"""Blocks of layers of which the plane ranker consists."""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.network._neighbours import NeighbourFeatures, split_weight


class Residual(nn.Module):
    """Adds a 3 x 3 convolution of the rectified features to the features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape (N, C, Y, X)."""
        found: Tensor = self.conv(F.relu(x))
        return x + found


def residual_blocks(channels: int, count: int) -> nn.Sequential:
    """Return a sequence of residual blocks."""
    return nn.Sequential(*(Residual(channels) for _ in range(count)))


class NeighbourMixing(nn.Module):
    """Adds a 1 x 1 convolution of features and their differences from both neighbours along z.

    Rectified, the mean of both orders of the neighbours counts, or one of them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3 * channels, channels, 1)

    def forward(self, features: NeighbourFeatures, *, both_orders: bool = True) -> Tensor:
        """Return features of the same shape."""
        assert self.conv.bias is not None
        if not both_orders:
            of_even, of_rise = split_weight(self.conv.weight)
            even = F.conv2d(features.even, of_even, self.conv.bias)
            return features.here + F.relu(even + F.conv2d(features.rise, of_rise))
        # Halved here already, where there are fewest numbers.
        of_even, of_rise = split_weight(self.conv.weight / 2)
        even = F.conv2d(features.even, of_even, self.conv.bias / 2)
        odd = F.conv2d(features.rise, of_rise)
        one, other = F.relu(even + odd), F.relu(even - odd)
        # In brackets, so that both orders give the very same sum.
        return features.here + (one + other)
