"""Fusion while planes are being taken."""

from collections.abc import Generator, Mapping
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, LiveError
from napari_umis_fusion.fusion import FusionResult, GrowingPicture
from napari_umis_fusion.live._field import Field
from napari_umis_fusion.live._fusion_loop import FusionLoop
from napari_umis_fusion.live._inbox import Inbox
from napari_umis_fusion.live._live_events import (
    FieldFailed,
    FieldFinished,
    LiveEvent,
    LiveSummary,
)
from napari_umis_fusion.runtime import ScratchMemory, Workers, config_of


class LiveFusion:
    """Fuses what a microscope records, field by field, while it records.

    It is an output of pymmcore-plus (``core.run_mda(sequence, output=live)``), and takes planes
    from anything else by `add`. Frames are copied where they arrive, in any thread; the fusion runs
    in the thread that iterates over `events`, oldest frame first. No frame is dropped: those beyond
    `frames_mb` wait in temporary files.

    Parameters
    ----------
    config : FusionConfig, optional
        How to fuse.
    refresh_s : float
        Shortest time between two pictures of a field, in seconds.
    frames_mb : float
        Memory for the frames of fields that are not fused yet, in MB.
    runs : int or None
        Runs to follow; None: until `close`.
    **options
        Fields of `FusionConfig` that replace those of `config`.

    Raises
    ------
    ConfigError
        If an option is not accepted.

    Examples
    --------
    >>> from napari_umis_fusion.live import LiveFusion
    >>> from napari_umis_fusion.synthetic import make_stack
    >>> live = LiveFusion(focus_measure="laplacian")
    >>> for z, plane in enumerate(make_stack("bumps", (64, 64), planes=4).stack):
    ...     live.add(plane, {"z": z}, z_um=0.5 * z)
    >>> live.finish()
    >>> (result,) = live.results().values()
    >>> result.all_in_focus.shape, result.calibration.z_step_um
    ((64, 64, 3), 0.5)
    """

    def __init__(
        self,
        config: FusionConfig | None = None,
        *,
        refresh_s: float = 0.1,
        frames_mb: float = 1024,
        runs: int | None = 1,
        **options: Any,
    ) -> None:
        _check("refresh_s", refresh_s, "0 s or more", refresh_s >= 0)
        _check("frames_mb", frames_mb, "0 MB or more", frames_mb >= 0)
        _check("runs", runs, "None, or 1 or more", runs is None or runs >= 1)
        self.config = config_of(FusionConfig, config, options)
        self.refresh_s = refresh_s
        self._inbox = Inbox(frames_mb, runs)
        self._loop = FusionLoop(self._inbox, self.config, refresh_s)
        self._was_iterated = False

    # pymmcore-plus calls these, by these names.

    def sequenceStarted(self, sequence: Any, meta: Mapping[str, Any] | None = None) -> None:  # noqa: N802
        """Begin a run of pymmcore-plus."""
        images = list((meta or {}).get("image_infos") or ())
        size_um = images[0].get("pixel_size_um") if images else None
        has_events = type(sequence).__name__ != "GeneratorMDASequence"
        self._inbox.start(sequence if has_events else None, size_um)

    def frameReady(self, image: Any, event: Any, meta: Mapping[str, Any] | None = None) -> None:  # noqa: N802
        """Take a frame of pymmcore-plus; errors come as `FieldFailed`."""
        meta = meta or {}
        z_um = event.z_pos
        if z_um is None:
            z_um = (meta.get("position") or {}).get("z")
        # An exception would end the thread that hands frames out.
        try:
            self.add(image, event.index, z_um=z_um, pixel_size_um=meta.get("pixel_size_um"))
        except Exception as error:
            self._inbox.note(f"a frame could not be taken: {error}")

    def sequenceCanceled(self, sequence: Any) -> None:  # noqa: N802
        """Note that the run was stopped."""
        self._inbox.note("the run was stopped before its end")

    def sequenceFinished(self, sequence: Any) -> None:  # noqa: N802
        """End a run of pymmcore-plus."""
        self._inbox.end_run()

    def add(
        self,
        plane: Any,
        index: Mapping[str, int],
        *,
        z_um: float | None = None,
        pixel_size_um: float | None = None,
    ) -> None:
        """Take a plane, from any thread.

        Parameters
        ----------
        plane : ndarray of shape (Y, X) or (Y, X, C)
            It is copied.
        index : mapping of str to int
            Its place: z, counted from 0 in focal order, and any other axes.
        z_um : float, optional
            Height of the focus, in µm.
        pixel_size_um : float, optional
            Side of a pixel on the specimen, in µm.

        Raises
        ------
        StackError
            If it does not fit the planes before it.
        DeviceError
            If there is no room for it, in memory or on disk.
        """
        self._inbox.add(plane, index, z_um, pixel_size_um)

    def finish(self) -> None:
        """Say that no frame will come any more: what has arrived is fused, then `events` ends."""
        self._inbox.finish()

    def close(self) -> None:
        """Discard all that is not fused, and take no more; `events` ends."""
        self._inbox.close()

    @property
    def run(self) -> int:
        """Number of the run that is received, or was last."""
        return self._inbox.run

    def snapshot(self, field: Field) -> GrowingPicture | None:
        """Return the latest picture of a field that is not finished; None if there is none."""
        work = self._loop.work(field)
        return None if work is None else work.picture

    def gained(self, field: Field) -> tuple[int, tuple[float, ...]]:
        """Return what each plane of a field gave.

        Returns
        -------
        int
            Planes that have arrived.
        tuple of float
            Of each plane that is in the picture, oldest first, the share of pixels, 0 to 1, that it
            shows clearly better than those before it.
        """
        work = self._loop.work(field)
        return (0, ()) if work is None else (len(work.frames), tuple(work.gains))

    def expect_early_end(self) -> None:
        """Say that fields may end before the last plane of their plan: none is waited for."""
        self._loop.fuses_ahead = False

    def results(self) -> dict[Field, FusionResult]:
        """Iterate over `events` to the end, and return all results.

        Raises
        ------
        UmisFusionError
            If a field could not be fused, once the others are.
        """
        found: dict[Field, FusionResult] = {}
        failed: list[str] = []
        for event in self.events():
            if isinstance(event, FieldFinished):
                found[event.field] = event.result
            elif isinstance(event, FieldFailed):
                failed.append(event.message)
        if failed:
            raise LiveError("; ".join(failed))
        return found

    def events(self) -> Generator[LiveEvent, None, LiveSummary]:
        """Fuse what arrives, until the run is over and all its fields are fused.

        Yields
        ------
        LiveWaiting, FieldStarted, FieldUpdated, FieldProgress, FieldFinished, FieldFailed
            At least every 100 ms. The generator can be closed at any time; frames that are not
            fused are then discarded.

        Returns
        -------
        LiveSummary

        Raises
        ------
        ConfigError
            If it was called before.
        """
        if self._was_iterated:
            raise ConfigError("events() was called twice; accepted is once: make a new LiveFusion.")
        self._was_iterated = True
        finished: list[Field] = []
        failed: list[Field] = []
        try:
            with (
                ScratchMemory(self.config.memory_mb) as memory,
                Workers(self.config.threads) as pool,
            ):
                for event in self._loop.iter_events(memory, pool):
                    if isinstance(event, FieldFinished):
                        finished.append(event.field)
                    elif isinstance(event, FieldFailed):
                        failed.append(event.field)
                    yield event
        finally:
            notes = self._inbox.notes
            frames = self._inbox.frames
            self.close()
        return LiveSummary(tuple(finished), tuple(failed), frames, notes)


def _check(name: str, value: object, accepted: str, is_accepted: bool) -> None:
    if not is_accepted:
        raise ConfigError(f"{name}={value!r}; accepted is {accepted}.")
