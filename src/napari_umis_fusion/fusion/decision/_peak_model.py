"""How noise changes what the peak of focus between planes is fitted to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeakModel:
    """How what a peak is fitted to behaves.

    Attributes
    ----------
    window_sigma_px : float
        Sigma of the window over which it is averaged.
    noise_gain : float
        Its standard deviation per standard deviation of the noise of planes.
    """

    window_sigma_px: float
    noise_gain: float
