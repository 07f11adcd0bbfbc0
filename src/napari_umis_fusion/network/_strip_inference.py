"""Features of the UMIS network for one plane, computed in strips to bound the memory.

Channel attention depends on the mean over the whole plane, so that tiles with halos would change
the result. Here each node is computed in strips of rows, its channel sums are accumulated, and the
node is weighted in place once they are complete. Only nodes that are still needed are kept.
"""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.network._unetplusplus import (
    CHANNELS,
    DEPTH,
    MIN_SIDE_PX,
    NODES,
    Block,
    ChannelAttention,
    UNetPlusPlus,
)

REACH = 3
"""Radius of a 7 x 7 convolution."""

SHORTEST_STRIP = 4 * REACH
"""Smallest number of rows of a strip: half of it is still more than one radius."""

Node = tuple[int, int]
Nodes = dict[Node, Tensor]


@dataclass(frozen=True, slots=True)
class FoldedConv:
    """A convolution that includes the batch normalisation after it."""

    weight: Tensor
    bias: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """Convolve, with columns padded by zeros; returns 2 `REACH` fewer rows."""
        with full_precision(rows.device):
            return F.conv2d(rows, self.weight, self.bias, padding=(0, REACH))


@dataclass(frozen=True, slots=True)
class FoldedBlock:
    """A `Block` in evaluation mode, with its weights on a device."""

    conv1: FoldedConv
    conv2: FoldedConv
    attention: ChannelAttention


class StripNetwork:
    """A trained UMIS network that computes the features of single planes.

    Parameters
    ----------
    model : UNetPlusPlus
        Read, not changed: batch normalisation is folded into copies of the weights.
    device : torch.device
        Device to compute on.
    """

    def __init__(self, model: UNetPlusPlus, device: torch.device) -> None:
        self.device = device
        # On the CPU oneDNN computes this layout without reordering 16 channels.
        self.layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
        self._blocks = {node: self._fold_block(model.block(*node)) for node in NODES}

    @torch.inference_mode()
    def iter_features(self, plane: Tensor, strip_rows: int) -> Generator[None, None, Tensor]:
        """Compute the features of one plane, yielding after each strip.

        Parameters
        ----------
        plane : Tensor of shape (Y, X), float32
            Grey in -1 to 1, on any device; both sides at least 16 px.
        strip_rows : int
            Rows computed at once at full resolution; deeper levels compute as many pixels.

        Yields
        ------
        None
            After each strip; safe to abandon.

        Returns
        -------
        Tensor of shape (16, Y, X), float32
            Equal to ``model.eval().features(plane)`` up to rounding.

        Raises
        ------
        StackError
            If a side is shorter than 16 px.
        """
        height, width = plane.shape
        check_plane_size(height, width)
        source = plane.to(self.device, torch.float32)[None, None]
        nodes: Nodes = {}
        for level, column in NODES:
            size = (height >> level, width >> level)
            nodes[level, column] = yield from self._iter_node(
                nodes, source, (level, column), size, strip_rows << level
            )
            _free_used(nodes)
        return nodes[0, DEPTH - 1][0]

    def _iter_node(
        self, nodes: Nodes, source: Tensor, node: Node, size: tuple[int, int], rows: int
    ) -> Generator[None, None, Tensor]:
        block, channels, (height, width) = self._blocks[node], CHANNELS[node[0]], size
        out = torch.empty((1, channels, *size), device=self.device, memory_format=self.layout)
        sums = torch.zeros((1, channels), device=self.device, dtype=_sum_dtype(self.device))
        # Rows between the two convolutions that consecutive strips share are carried over.
        hidden = source.new_zeros((1, channels, REACH, width))
        done = 0
        for start, stop in _strips(height, rows):
            # The second convolution needs rows of the first one beyond the strip.
            ahead = min(stop + REACH, height)
            taken = self._node_rows(nodes, source, node, size, (done - REACH, ahead + REACH))
            fresh = F.relu6(block.conv1(taken))
            hidden = torch.cat([hidden, F.pad(fresh, (0, 0, 0, stop + REACH - ahead))], dim=2)
            strip = block.conv2(hidden)
            out[:, :, start:stop] = strip
            sums += strip.sum((2, 3))
            # A copy, so that the memory of the strip is freed.
            hidden, done = hidden[:, :, -2 * REACH :].clone(), ahead
            yield
        weights = block.attention((sums / (height * width)).float())[:, :, None, None]
        for start, stop in _strips(height, rows):
            out[:, :, start:stop].mul_(weights).clamp_(0, 6)
            yield
        return out

    def _node_rows(
        self,
        nodes: Nodes,
        source: Tensor,
        node: Node,
        size: tuple[int, int],
        span: tuple[int, int],
    ) -> Tensor:
        """Return a span of rows of a node's input; zeros outside the plane."""
        (level, column), (start, stop) = node, span
        low, high = max(start, 0), min(stop, size[0])
        if node == (0, 0):
            rows = source[:, :, low:high]
        elif column == 0:
            rows = F.max_pool2d(nodes[level - 1, 0][:, :, 2 * low : 2 * high], 2)
        else:
            skips = [nodes[level, k][:, :, low:high] for k in range(column)]
            up = upsampled_rows(nodes[level + 1, column - 1], low, high, size)
            rows = torch.cat([*skips, up], dim=1)
        if (low, high) != (start, stop):
            rows = F.pad(rows, (0, 0, low - start, stop - high))
        return rows.contiguous(memory_format=self.layout)

    def _fold_block(self, block: Block) -> FoldedBlock:
        attention = ChannelAttention(block.conv2.out_channels).eval()
        attention.load_state_dict(block.att.state_dict())
        return FoldedBlock(
            self._fold(block.conv1, block.bn1),
            self._fold(block.conv2, block.bn2),
            attention.to(self.device),
        )

    @torch.no_grad()
    def _fold(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> FoldedConv:
        # In double precision, so that the features differ from the network's by rounding only.
        assert conv.bias is not None
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        weight = conv.weight.double() * scale[:, None, None, None]
        bias = (conv.bias.double() - norm.running_mean.double()) * scale + norm.bias.double()
        weight = weight.float().to(self.device).contiguous(memory_format=self.layout)
        return FoldedConv(weight, bias.float().to(self.device))


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """Disable TF32 convolutions on a CUDA device, which would lose three digits.

    Use it around single calls, never around a yield: the setting is global.
    """
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def check_plane_size(height: int, width: int) -> None:
    """Raise `StackError` if a plane is too small for the network."""
    if min(height, width) < MIN_SIDE_PX:
        raise StackError(
            f"planes of {height} x {width} px are too small for the focus measure 'umis'; "
            f"accepted are {MIN_SIDE_PX} x {MIN_SIDE_PX} px and more; "
            "use another focus measure for stacks this small"
        )


def upsampled_rows(x: Tensor, start: int, stop: int, size: tuple[int, int]) -> Tensor:
    """Compute some rows of `x` upsampled twofold and padded, equal to those of the whole.

    Parameters
    ----------
    x : Tensor of shape (1, C, y, x)
        The node to upsample.
    start, stop : int
        Rows of the padded node; at least one must not be padding.
    size : tuple of int
        (Y, X) of the padded node; 2 y <= Y and 2 x <= X.

    Returns
    -------
    Tensor of shape (1, C, stop - start, X)
        Bilinear with aligned corners.
    """
    height, width = x.shape[2:]
    top, left = (size[0] - 2 * height) // 2, (size[1] - 2 * width) // 2
    low, high = max(start - top, 0), min(stop - top, 2 * height)
    at = torch.arange(low, high, device=x.device, dtype=torch.float32)
    at *= (height - 1) / (2 * height - 1)
    above = at.long().clamp_(max=height - 1)
    below = (above + 1).clamp_(max=height - 1)
    share = (at - above)[:, None]
    rows = torch.lerp(_take_rows(x, above), _take_rows(x, below), share[:, None])
    rows = rows.permute(0, 3, 1, 2)
    rows = F.interpolate(rows, (high - low, 2 * width), mode="bilinear", align_corners=True)
    right = size[1] - left - 2 * width
    return F.pad(rows, (left, right, low + top - start, stop - top - high))


def _take_rows(x: Tensor, rows: Tensor) -> Tensor:
    """Select rows as (1, row, X, C): the memory layout in which oneDNN convolves."""
    return x.permute(0, 2, 3, 1).index_select(1, rows)


def _strips(height: int, rows: int) -> Iterator[tuple[int, int]]:
    """Split `height` rows into nearly equal strips of at most `rows`."""
    count = -(-height // max(rows, SHORTEST_STRIP))
    return ((height * k // count, height * (k + 1) // count) for k in range(count))


def _sum_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype of channel sums: float64, which MPS does not have."""
    return torch.float32 if device.type == "mps" else torch.float64


def _free_used(nodes: Nodes) -> None:
    """Free the nodes that no node that is still to come needs."""
    for i, j in list(nodes):
        skips = any((i, k) not in nodes for k in range(j + 1, DEPTH - i))
        rises = i > 0 and (i - 1, j + 1) not in nodes
        if not skips and not rises and (i, j) != (0, DEPTH - 1):
            del nodes[i, j]
