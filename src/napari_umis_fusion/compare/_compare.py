"""Fuse one stack in several ways, one after the other, and score each."""

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from napari_umis_fusion.compare._agreement import (
    Agreement,
    Decided,
    agreement_of,
    mean_agreement,
)
from napari_umis_fusion.compare._candidate import Candidate, CandidateLike, candidates_of
from napari_umis_fusion.compare._comparison import ComparedRow, Comparison
from napari_umis_fusion.compare._events import (
    CandidateEnded,
    CandidateProgress,
    ComparisonEvent,
    ComparisonStage,
    ComparisonStarted,
)
from napari_umis_fusion.compare._fuse_region import Region, iter_fuse_region, window_of
from napari_umis_fusion.compare._memory_peak import MemoryPeak
from napari_umis_fusion.compare._scores import PASSES, Scorer
from napari_umis_fusion.compare._warm_up import iter_warm_up
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.fusion import FusionResult
from napari_umis_fusion.runtime import (
    Progress,
    Workers,
    failure_reason,
    map_events,
    repeat_event,
    run_to_end,
)
from napari_umis_fusion.stack import Calibration, CroppedStack, Stack

SPANS: dict[ComparisonStage, tuple[float, float]] = {
    "loading": (0.0, 0.05),
    "aligning": (0.05, 0.3),
    "measuring": (0.3, 0.75),
    "verifying": (0.75, 0.85),
    "projecting": (0.85, 0.85),  # never: nothing is projected
    "scoring": (0.85, 1.0),
}
"""Share of the work of one candidate at the beginning and end of each stage, about."""


def compare(
    stack: Any,
    configs: "Mapping[str, CandidateLike] | Iterable[CandidateLike | Candidate]",
    *,
    region: Region | None = None,
    calibration: Calibration | None = None,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
    keep_results: bool = True,
) -> Comparison:
    """Fuse a stack in several ways, and compare what comes out.

    Parameters
    ----------
    stack : array-like of shape (Z, Y, X) or (Z, Y, X, C), Stack, path or list of paths
        As `fuse` accepts it, of two planes or more.
    configs : mapping of str, or iterable
        What is compared: `FusionConfig`, `Preset`, the name of a preset ("default": the default
        options), or the file of one. A mapping names them.
    region : pair of (int, int), optional
        First row and the one after the last, and the same for columns, in pixels of the planes.
        Planes are still aligned as a whole. By default whole planes are fused.
    calibration, z_axis, index : optional
        As for `fuse`.
    keep_results : bool
        Whether the rows hold the results, which take as much memory as each fusion returns.

    Returns
    -------
    Comparison
        A row for each config, also for one that failed, with the reason. `COLUMNS` explains the
        numbers.

    Raises
    ------
    StackError, StackFileError
        If the stack cannot be opened, has one plane, or the region is not in it.
    ConfigError
        If a config is not accepted, or a preset does not exist.

    Examples
    --------
    >>> from napari_umis_fusion.compare import compare
    >>> from napari_umis_fusion.synthetic import make_stack
    >>> stack = make_stack("bumps", (64, 64), planes=4).stack
    >>> found = compare(stack, ["thin transmitted", "phase or DIC"])
    >>> [row.name for row in found.rows]
    ['thin transmitted', 'phase or DIC']
    """
    return run_to_end(
        iter_compare(
            stack,
            configs,
            region=region,
            calibration=calibration,
            z_axis=z_axis,
            index=index,
            keep_results=keep_results,
        )
    )


def iter_compare(
    stack: Any,
    configs: "Mapping[str, CandidateLike] | Iterable[CandidateLike | Candidate]",
    *,
    region: Region | None = None,
    calibration: Calibration | None = None,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
    keep_results: bool = True,
) -> Generator[ComparisonEvent, None, Comparison]:
    """Fuse a stack in several ways as a generator of events.

    Takes the parameters of `compare`. The arguments are checked at the first event.

    Yields
    ------
    ComparisonStarted, CandidateProgress, CandidateEnded
        `ComparisonStarted` first, `CandidateProgress` at least every 100 ms, `CandidateEnded` after
        each candidate with the comparison so far: it is what remains of a run that is closed.

    Returns
    -------
    Comparison
    """
    candidates = candidates_of(configs)
    opened = as_stack(stack, calibration=calibration, z_axis=z_axis, index=index)
    if len(opened) < 2:
        raise StackError(
            "got a stack of 1 plane, which every config returns as it is; accepted are stacks of "
            "two planes or more."
        )
    window = window_of(opened, region)
    if region is not None:
        rows, columns = window
        region = (rows.start, rows.stop), (columns.start, columns.stop)
    part = opened if region is None else CroppedStack(opened, *window)
    run = _Run(candidates, opened, part, region, keep_results=keep_results)
    yield ComparisonStarted(candidates, part.shape)
    for number in range(len(candidates)):
        yield (yield from run.iter_candidate(number))
    return run.comparison()


class _Run:
    """The candidates of a comparison, and what is known of each."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        stack: Stack,
        part: Stack,
        region: Region | None,
        *,
        keep_results: bool,
    ) -> None:
        self._candidates, self._stack, self._part = candidates, stack, part
        self._region, self._keeps = region, keep_results
        self._window = window_of(stack, region)
        self._scorer = Scorer(stack, part)
        self._rows: list[ComparedRow] = []
        self._decided: dict[str, Decided] = {}
        self._agreements: dict[frozenset[str], Agreement] = {}

    def comparison(self) -> Comparison:
        """Return what is known so far."""
        rows = []
        for row in self._rows:
            mean = mean_agreement(self._agreements, row.name)
            if mean is not None:
                row = replace(row, agreement=mean.share, depth_difference=mean.difference)
            rows.append(row)
        return Comparison(tuple(rows), self._part.shape, self._region)

    def iter_candidate(self, number: int) -> Generator[ComparisonEvent, None, CandidateEnded]:
        """Fuse and score one; whatever it does, the others are to be fused."""
        candidate, result = self._candidates[number], None
        try:
            yield from self._iter_warm(number, candidate)
            row, result = yield from self._iter_fused(number, candidate)
            yield from self._iter_scored(number, row, result)
        except Exception as error:
            self._rows[number:] = [ComparedRow(candidate, failure_reason(error))]
            result = None
        return CandidateEnded(number, result, self.comparison())

    def _iter_warm(
        self, number: int, candidate: Candidate
    ) -> Generator[CandidateProgress, None, None]:
        loading = self._progress(number, "loading", 0, 1)
        yield from repeat_event(iter_warm_up(self._stack, candidate.config), loading)

    def _iter_fused(
        self, number: int, candidate: Candidate
    ) -> Generator[CandidateProgress, None, tuple[ComparedRow, FusionResult]]:
        """Fuse, and measure time and memory: of the work itself, not while a caller pauses it."""
        window = None if self._region is None else self._window
        steps = iter_fuse_region(self._stack, candidate.config, window)
        peak, seconds = MemoryPeak(), 0.0
        try:
            while True:
                begun = time.perf_counter()
                try:
                    event = next(steps)
                except StopIteration as end:
                    result: FusionResult = end.value
                    break
                finally:
                    seconds += time.perf_counter() - begun
                    peak.sample()
                if isinstance(event, Progress):
                    yield self._progress(number, event.stage, event.done, event.total)
        finally:
            steps.close()
        row = ComparedRow(
            candidate,
            seconds=seconds,
            memory_mb=peak.mb,
            notes=result.notes,
            result=result if self._keeps else None,
        )
        return row, result

    def _iter_scored(
        self, number: int, row: ComparedRow, result: FusionResult
    ) -> Generator[CandidateProgress, None, None]:
        total = PASSES * len(self._stack)

        def scored(_: object) -> CandidateProgress:
            done = min(self._scorer.planes_done, total)
            return self._progress(number, "scoring", done, total)

        with Workers(row.candidate.config.threads) as workers:
            scoring = self._scorer.iter_score(result, workers)
            scores = yield from map_events(scoring, scored)
            agreeing = workers.result(workers.submit(self._agree, row.name, result))
            for _ in agreeing:
                yield self._progress(number, "scoring", total, total)
        self._rows.append(
            replace(
                row,
                false_edge_rate=scores.false_edge_rate,
                shown_focus=scores.shown_focus,
                edge_preservation=scores.edge_preservation,
                notes=(*row.notes, *scores.notes),
            )
        )

    def _agree(self, name: str, result: FusionResult) -> None:
        mine = Decided.of(result, self._window)
        for other, theirs in self._decided.items():
            found = agreement_of(mine, theirs)
            if found is not None:
                self._agreements[frozenset((name, other))] = found
        self._decided[name] = mine

    def _progress(
        self, number: int, stage: ComparisonStage, done: int, total: int
    ) -> CandidateProgress:
        begin, end = SPANS[stage]
        part = begin + (end - begin) * done / max(total, 1)
        share = (number + part) / len(self._candidates)
        return CandidateProgress(number, stage, done, total, share)
