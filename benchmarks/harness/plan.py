"""What is measured, how often, and the two ways of measuring: whole processes and calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from harness.cases import StackCase, ask, ensure
from harness.contenders import Contender
from harness.processes import Usage


@dataclass(frozen=True, slots=True)
class CallTime:
    """Wall clock and processor time of a call."""

    seconds: float
    cpu_seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:.3f} ({self.cpu_seconds:.3f})"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how often.

    Attributes
    ----------
    cache : Path
        Folder of the rendered stacks and of outputs.
    repeats : int
        Counted rounds, one run of each contender per round.
    quick : bool
        Tiny stacks: whether the benchmark works, not what it measures.
    checkpoint : str or None
        Weights of the UMIS network.
    peers : list of Contender
        The programs of others.
    """

    cache: Path
    repeats: int
    quick: bool
    checkpoint: str | None = None
    peers: list[Contender] = field(default_factory=list)

    def case(
        self, planes: int, side_px: int, dtype: str = "uint16", rgb: bool = False
    ) -> StackCase:
        """Return a stack of that size, rendered; of a tiny one if it should be quick."""
        if self.quick:
            planes, side_px = min(planes, 6), side_px // 8
        case = StackCase(planes, side_px, dtype, rgb)
        ensure([case], self.cache)
        return case

    def program(self, contender: Contender, case: StackCase) -> Callable[[], Usage]:
        """Return what runs a contender on a stack."""
        return partial(contender.start, case.planes_folder(self.cache), self.output(contender))

    def output(self, contender: Contender) -> Path:
        """Return the file that a contender writes."""
        return self.cache / f"{contender.name.replace(' ', '_').replace('/', '_')}.tif"

    def time_calls(self, requests: Mapping[str, dict[str, Any]]) -> dict[str, CallTime]:
        """Return medians of calls in memory; processes are interleaved."""
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in requests}
        for _ in range(self.repeats):
            for name, request in requests.items():
                taken[name] += ask(**{"module": "calls", "calls": 3, **request})
        return {
            name: CallTime(*map(median, zip(*found, strict=True))) for name, found in taken.items()
        }
