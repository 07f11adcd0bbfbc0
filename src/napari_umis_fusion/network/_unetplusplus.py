"""The UMIS network: a UNet++ with channel attention, trained to reconstruct single images."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

CHANNELS = (16, 16, 32, 32, 64)
"""Channels of the nodes at each level."""

DEPTH = len(CHANNELS)

NODES = tuple((level, column) for column in range(DEPTH) for level in range(DEPTH - column))
"""(level, column) of every node, in an order in which each follows its inputs."""

MIN_SIDE_PX = 2 ** (DEPTH - 1)
"""Shortest side of a plane: pooling leaves one pixel of it at the deepest level."""


def input_channels(level: int, column: int) -> int:
    """Return the number of input channels of node (level, column)."""
    if column == 0:
        return CHANNELS[level - 1] if level else 1
    return column * CHANNELS[level] + CHANNELS[level + 1]


class ChannelAttention(nn.Module):
    """Squeeze and excitation: a weight in 0 to 1 for each channel.

    References
    ----------
    Hu et al., Squeeze-and-Excitation Networks, CVPR 2018. https://doi.org/10.1109/CVPR.2018.00745
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // 2, bias=False),
            nn.GELU(),
            nn.Linear(channels // 2, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, means: Tensor) -> Tensor:
        """Return the weights (N, C) from the channels' means over the plane (N, C)."""
        weights: Tensor = self.fc(means)
        return weights


class Block(nn.Module):
    """The computation of each node: two 7 x 7 convolutions and channel attention."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 7, padding=3)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 7, padding=3)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.att = ChannelAttention(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Compute (N, channels_out, Y, X) from (N, channels_in, Y, X)."""
        x = F.relu6(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        return F.relu6(x * self.att(x.mean((2, 3)))[:, :, None, None])


class UNetPlusPlus(nn.Module):
    """Nested U-Net of depth 5 with 1,515,313 parameters.

    The inputs of node x[i][j] are x[i][0] to x[i][j-1] and the upsampled x[i+1][j-1], in this
    order. The names in its ``state_dict`` are those of the checkpoints published for UMIS-Fusion.

    References
    ----------
    Zhou et al., UNet++: Redesigning Skip Connections to Exploit Multiscale Features in Image
    Segmentation, IEEE TMI 2020. https://doi.org/10.1109/TMI.2019.2959609
    """

    def __init__(self) -> None:
        super().__init__()
        for level, column in NODES:
            block = Block(input_channels(level, column), CHANNELS[level])
            self.add_module(f"conv{level}_{column}", block)
        self.recon1 = nn.Conv2d(16, 16, 7, padding=3)
        self.recon2 = nn.Conv2d(16, 8, 7, padding=3)
        self.recon3 = nn.Conv2d(8, 4, 7, padding=3)
        self.recon4 = nn.Conv2d(4, 1, 7, padding=3)

    def block(self, level: int, column: int) -> Block:
        """Return the block of node (level, column)."""
        block = self.get_submodule(f"conv{level}_{column}")
        assert isinstance(block, Block)
        return block

    def features(self, x: Tensor) -> Tensor:
        """Compute the features for the focus measure.

        Parameters
        ----------
        x : Tensor of shape (N, 1, Y, X)
            Grey planes in -1 to 1; both sides at least `MIN_SIDE_PX`.

        Returns
        -------
        Tensor of shape (N, 16, Y, X)
            Node x[0][4], in 0 to 6.
        """
        nodes: dict[tuple[int, int], Tensor] = {}
        for level, column in NODES:
            taken = x if level == column == 0 else node_input(nodes, level, column)
            nodes[level, column] = self.block(level, column)(taken)
        return nodes[0, DEPTH - 1]

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct planes (N, 1, Y, X) in -1 to 1 from their features."""
        rebuilt: Tensor = self.recon1(self.features(x))
        for head in (self.recon2, self.recon3, self.recon4):
            rebuilt = head(rebuilt)
        return rebuilt


def node_input(nodes: Mapping[tuple[int, int], Tensor], level: int, column: int) -> Tensor:
    """Return the input of node (level, column) from the nodes computed before it."""
    if column == 0:
        return F.max_pool2d(nodes[level - 1, 0], 2)
    skips = [nodes[level, k] for k in range(column)]
    return torch.cat([*skips, upsample_to(nodes[level + 1, column - 1], skips[0])], dim=1)


def upsample_to(x: Tensor, skip: Tensor) -> Tensor:
    """Upsample `x` twofold, and pad it with zeros to the size of `skip`."""
    # Aligned corners, as in the published network: its weights depend on them.
    up = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    dy, dx = skip.shape[2] - up.shape[2], skip.shape[3] - up.shape[3]
    return F.pad(up, (dx // 2, dx - dx // 2, dy // 2, dy - dy // 2))
