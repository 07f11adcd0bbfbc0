"""A curve of any length in bounded memory, to be drawn while it grows."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from napari_umis_fusion.errors import ConfigError

CAPACITY = 1024

WIDEST_SHARE = 0.1
"""Of the curve's length: sigma of the strongest smoothing."""

_FIRST, _LAST, _COUNT, _SUM, _LOW, _HIGH = range(6)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """A trace at one place.

    Attributes
    ----------
    step : float
        The middle of the steps that are told of together.
    low, high : float
        The least and the greatest of their values.
    raw, smoothed : float
        Their mean, and where the smoothed curve runs.
    """

    step: float
    low: float
    high: float
    raw: float
    smoothed: float


class Trace:
    """Values by step, as the extremes and means of at most so many buckets.

    All buckets hold equally many values, the last one maybe fewer. When they are full, neighbours
    are merged, so that a single peak stays visible however long the curve becomes.

    Parameters
    ----------
    capacity : int
        Buckets at most; even.

    Raises
    ------
    ConfigError
        If the capacity is odd or below 2.

    Examples
    --------
    >>> trace = Trace(capacity=2)
    >>> for step, value in enumerate([3.0, 9.0, 2.0]):
    ...     trace.add(step, value)
    >>> trace.steps.tolist(), trace.low.tolist(), trace.high.tolist()
    ([0.5, 2.0], [3.0, 2.0], [9.0, 2.0])
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 2 or capacity % 2:
            raise ConfigError(f"got a capacity of {capacity}; give an even number, 2 or more.")
        self.capacity = capacity
        self._per_bucket = 1
        self._used = 0
        self._table: Floats = np.zeros((capacity, 6))

    @classmethod
    def of(cls, steps: ArrayLike, values: ArrayLike, capacity: int = CAPACITY) -> Self:
        """Make the trace that adding all of these, one by one, would make.

        Parameters
        ----------
        steps, values : array-like of shape (N,)
            By step.
        capacity : int
            See the class.
        """
        made = cls(capacity)
        shown, at = np.asarray(values, np.float64), np.asarray(steps, np.float64)
        finite = np.isfinite(shown)
        shown, at = shown[finite], at[finite]
        while made._per_bucket * capacity < len(shown):
            made._per_bucket *= 2
        starts = np.arange(0, len(shown), made._per_bucket)
        if len(starts):
            ends = np.append(starts[1:], len(shown))
            sums = np.add.reduceat(shown, starts)
            low, high = np.minimum.reduceat(shown, starts), np.maximum.reduceat(shown, starts)
            columns = (at[starts], at[ends - 1], ends - starts, sums, low, high)
            made._table[: len(starts)] = np.column_stack(columns)
        made._used = len(starts)
        return made

    def __len__(self) -> int:
        return self._used

    @property
    def steps(self) -> Floats:
        """The middle of each bucket, ascending; shape (N,), N at most the capacity."""
        middles: Floats = self._column(_FIRST) / 2 + self._column(_LAST) / 2
        return middles

    @property
    def low(self) -> Floats:
        """The least value of each bucket, shape (N,)."""
        return self._column(_LOW).copy()

    @property
    def high(self) -> Floats:
        """The greatest value of each bucket, shape (N,)."""
        return self._column(_HIGH).copy()

    @property
    def raw(self) -> Floats:
        """The mean of each bucket, shape (N,)."""
        means: Floats = self._column(_SUM) / self._column(_COUNT)
        return means

    @property
    def last_step(self) -> float:
        """The last step; minus infinity before the first."""
        return float(self._table[self._used - 1, _LAST]) if self._used else -np.inf

    def add(self, step: float, value: float) -> None:
        """Add a value at a step after those before; one that is not finite is left out."""
        if not math.isfinite(value):
            return
        last = self._used - 1
        if last >= 0 and self._table[last, _COUNT] < self._per_bucket:
            bucket = self._table[last]
            bucket[_LAST] = step
            bucket[_COUNT] += 1
            bucket[_SUM] += value
            bucket[_LOW], bucket[_HIGH] = min(bucket[_LOW], value), max(bucket[_HIGH], value)
            return
        if self._used == self.capacity:
            self._merge()
        self._table[self._used] = step, step, 1, value, value, value
        self._used += 1

    def smoothed(self, amount: float) -> Floats:
        """Compute the smoothed curve.

        A Gaussian mean without lag: near its ends it takes what there is, and no value counts
        more than another.

        Parameters
        ----------
        amount : float
            0, which returns `raw`, to 1.

        Returns
        -------
        ndarray of shape (N,)
            At `steps`.

        Raises
        ------
        ConfigError
            If the amount is out of bounds.
        """
        if not 0 <= amount <= 1:
            raise ConfigError(f"got {amount} to smooth by; give 0 to 1.")
        sigma = WIDEST_SHARE * amount**2 * self._used
        if sigma < 0.1:
            return self.raw
        sums, counts = (
            gaussian_filter1d(self._column(which), sigma, mode="constant")
            for which in (_SUM, _COUNT)
        )
        means: Floats = sums / counts
        return means

    def envelope(self) -> tuple[Floats, Floats]:
        """Return steps and values of one line that touches all extremes, shape (2 N,) each."""
        low, high = self._column(_LOW), self._column(_HIGH)
        ends = np.column_stack([low, high])
        ends[1::2] = ends[1::2, ::-1]  # up, along, down, along
        return np.repeat(self.steps, 2), ends.ravel()

    def at(self, step: float, amount: float = 0.0) -> Reading | None:
        """Return the reading nearest to a step, smoothed by an amount; None while it is empty."""
        if not self._used:
            return None
        steps = self.steps
        k = int(np.abs(steps - step).argmin())
        values = (steps, self._column(_LOW), self._column(_HIGH), self.raw, self.smoothed(amount))
        return Reading(*(float(column[k]) for column in values))

    def _column(self, which: int) -> Floats:
        return self._table[: self._used, which]

    def _merge(self) -> None:
        """Make one bucket of two."""
        one, other = self._table[0::2], self._table[1::2]
        merged = one.copy()
        merged[:, _LAST] = other[:, _LAST]
        merged[:, _COUNT] += other[:, _COUNT]
        merged[:, _SUM] += other[:, _SUM]
        merged[:, _LOW] = np.minimum(one[:, _LOW], other[:, _LOW])
        merged[:, _HIGH] = np.maximum(one[:, _HIGH], other[:, _HIGH])
        self._used = self.capacity // 2
        self._table[: self._used] = merged
        self._per_bucket *= 2
