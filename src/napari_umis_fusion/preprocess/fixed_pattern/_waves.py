"""Waves that lie over planes, as strong in all: moire, screens, fringes, bundles of fibres.

They are taken off each plane by itself, in a narrow band of frequencies, so that they may lie
elsewhere in each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.runtime import FloatMap

WIDTH_PX = 31
"""Width of the means, taken twice, over which a wave is followed: far more than its length."""

REACH_PX = 2 * (WIDTH_PX - 1)
"""How far a wave that is taken off depends on what is around."""

BLOCK_PX = 512
"""Rows that are worked on at once, for the sake of memory."""

LARGEST = 2.0
"""Largest wave that is taken off anywhere, relative to the usual: edges hold all frequencies."""


@dataclass(frozen=True)
class Wave:
    """One wave.

    Attributes
    ----------
    down, along : float
        Its frequency along y and x, in cycles per pixel.
    amplitude : float
        In units of the stack.
    stands_still : bool
        Whether it lies at the same place in all planes.
    """

    down: float
    along: float
    amplitude: float
    stands_still: bool

    @property
    def length_px(self) -> float:
        """From crest to crest."""
        return 1 / float(np.hypot(self.down, self.along))


@dataclass(frozen=True)
class Waves:
    """All that were found.

    Attributes
    ----------
    waves : tuple of Wave
        The most prominent first.
    span : float
        Range of the stack.
    """

    waves: tuple[Wave, ...]
    span: float

    @property
    def strength(self) -> float:
        """Standard deviation of all of them together, as a share of the range."""
        return float(np.sqrt(sum(one.amplitude**2 for one in self.waves) / 2) / self.span)

    @property
    def note(self) -> str:
        """Say what was found, and what becomes of it."""
        lengths = [one.length_px for one in self.waves]
        ends = {f"{end:.1f}": None for end in (min(lengths), max(lengths))}
        what = f"a pattern of waves {' to '.join(ends)} px long, of {100 * self.strength:.1f} %"
        is_still = all(one.stands_still for one in self.waves)
        where = "stands still on the sensor" if is_still else "lies elsewhere in each plane"
        return f"{what}, {where}: left out of the measure"

    def describe(self) -> list[dict[str, float | bool]]:
        """Return them as JSON values."""
        return [
            {
                "down": round(one.down, 4),
                "along": round(one.along, 4),
                "strength": round(one.amplitude / 2**0.5 / self.span, 5),
                "stands_still": one.stands_still,
            }
            for one in self.waves
        ]

    def of(
        self, grey: FloatMap, scale: float, transform: NDArray[np.float64] | None = None
    ) -> FloatMap:
        """Return the waves in a grey image, or in rows of it with `REACH_PX` around.

        Parameters
        ----------
        grey : ndarray of shape (Y, X), float32
            Grey levels.
        scale : float
            Grey levels per unit of the stack.
        transform : ndarray of shape (2, 3), optional
            From the aligned plane to the sensor.
        """
        found = np.empty(grey.shape, np.float32)
        turn = np.eye(2) if transform is None else transform[:, :2]
        for top in range(0, len(grey), BLOCK_PX):
            start = max(0, top - REACH_PX)
            whole = self._of_rows(grey[start : top + BLOCK_PX + REACH_PX], scale, turn)
            found[top : top + BLOCK_PX] = whole[top - start :][:BLOCK_PX]
        return found

    def _of_rows(self, grey: FloatMap, scale: float, turn: NDArray[np.float64]) -> FloatMap:
        known = np.isfinite(grey)
        filled = np.where(known, grey, np.float32(0))
        around = np.maximum(_mean(known.astype(np.float32)), np.float32(1e-6))
        detail = np.where(known, filled - _mean(filled) / around, np.float32(0))
        found = np.zeros(grey.shape, np.float32)
        for one in self.waves:
            frequency = np.array((one.down, one.along)) @ turn
            found += _wave_in(detail, around, frequency, LARGEST * one.amplitude * scale)
        found[~known] = 0
        return found


def _wave_in(
    detail: FloatMap, around: FloatMap, frequency: NDArray[np.float64], largest: float
) -> FloatMap:
    """Return the wave of one frequency, as strong as it is around each pixel."""
    turns = [
        np.exp(2j * np.pi * cycles * np.arange(side)).astype(np.complex64)
        for cycles, side in zip(frequency, detail.shape, strict=True)
    ]
    carrier = turns[0][:, None] * turns[1]
    turned = detail * carrier.conj()
    # Twice, since the other half of a real wave has the opposite frequency.
    envelope = 2 * (_mean(turned.real) + 1j * _mean(turned.imag)) / around
    envelope *= np.minimum(1, largest / np.maximum(np.abs(envelope), 1e-12))
    return np.asarray((envelope * carrier).real, np.float32)


def _mean(values: FloatMap) -> FloatMap:
    """Return means around each pixel, of which those farther off tell less; nothing is outside."""
    from scipy.ndimage import uniform_filter1d

    for axis in (0, 1, 0, 1):
        values = uniform_filter1d(values, WIDTH_PX, axis=axis, mode="constant")
    return values
