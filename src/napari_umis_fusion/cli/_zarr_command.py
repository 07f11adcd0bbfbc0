"""``umis-fusion zarr``: fuse images and plates of OME-Zarr, on one machine or a cluster."""

import argparse
import sys
from typing import Any

from napari_umis_fusion.cli._options import add_fusion_options, config_from
from napari_umis_fusion.cli._report import (
    print_error,
    print_json,
    print_line,
    progress_bar,
    run_shown,
    show_done,
)
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import count_noun
from napari_umis_fusion.scale import (
    FieldFailed,
    FieldFused,
    ZarrProgress,
    ZarrStarted,
    ZarrSummary,
    describe_plan,
    estimate_seconds,
    iter_fuse_zarr,
    plan_zarr,
)

_SHOWN = 5
"""Names of stacks that failed, in the last line."""


def add_zarr_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "zarr",
        help="Fuse an image or a plate of OME-Zarr, on one machine or a cluster.",
        description="Fuse an image or a plate of OME-Zarr 0.4 or 0.5 block by block into OME-Zarr "
        "0.5: all-in-focus image, index map, depth, confidence and focus, with pyramids. Ended at "
        "any moment and started again, it does what is missing.",
        allow_abbrev=False,
    )
    parser.add_argument("input", metavar="IN", help="Folder or address of the input.")
    parser.add_argument("output", metavar="OUT", help="Folder for the results.")
    parser.add_argument(
        "--wells",
        default="",
        metavar="NAMES",
        help="Wells of a plate, as names or patterns such as B03,C* (default: all).",
    )
    parser.add_argument(
        "--drop-z", action="store_true", help="Write results without the axis z of size 1."
    )
    parser.add_argument(
        "--shard-px",
        type=int,
        default=0,
        metavar="PX",
        help="Longest side of a block; 0 makes blocks as large as the memory allows (default: "
        "%(default)s).",
    )
    _add_workers(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="Only say how many blocks there are, and about how much memory and time they take.",
    )
    add_fusion_options(parser)
    parser.set_defaults(run=run_zarr)


def _add_workers(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who fuses the blocks."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="Address of a dask scheduler whose workers fuse the blocks.",
    )
    where.add_argument(
        "--cluster",
        metavar="FILE",
        help="File of TOML that describes a cluster, such as SLURM, which is started for the run.",
    )
    where.add_argument(
        "--task",
        type=int,
        metavar="I",
        help="Fuse only the share number I, counted from 0, of the blocks: for job arrays.",
    )
    parser.add_argument("--of", type=int, metavar="N", help="Number of shares of --task.")


def run_zarr(arguments: argparse.Namespace) -> None:
    """Fuse as the arguments say."""
    common = {
        "wells": arguments.wells,
        "keep_z": not arguments.drop_z,
        "shard_px": arguments.shard_px,
    }
    config = config_from(arguments)
    if arguments.dry_run:
        _print_plan(arguments, config, common)
        return
    steps = iter_fuse_zarr(
        arguments.input,
        arguments.output,
        config,
        scheduler=arguments.scheduler,
        cluster=arguments.cluster,
        task=arguments.task,
        of=arguments.of,
        **common,
    )
    report = _Report(quiet=arguments.json)
    summary = run_shown(steps, report.bar, report.show)
    _print_summary(summary, report.notes if arguments.json else None)


def _print_plan(
    arguments: argparse.Namespace, config: FusionConfig, common: dict[str, Any]
) -> None:
    plan = plan_zarr(arguments.input, arguments.output, config, **common)
    told = describe_plan(plan)
    seconds = estimate_seconds(plan, told.gigapixels)
    if arguments.json:
        sizes = {"block_mb": round(told.block_mb), "output_mb": round(told.output_mb)}
        counts = {"stacks": told.stacks, "blocks": told.blocks, "done": told.done}
        print_json({**counts, **sizes, "seconds": round(seconds)})
        return
    print_line(str(told))
    print_line(f"about {_duration(seconds)} in one process on this machine")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _print_summary(summary: ZarrSummary, notes: dict[str, list[str]] | None) -> None:
    """Print what became of the stacks; with the notes on each, as JSON."""
    if notes is not None:
        names = {"fused": summary.fused, "failed": summary.failed, "pending": summary.pending}
        print_json({"output": str(summary.output), **names, "notes": notes})
    else:
        print_line(str(summary))
    if summary.failed:
        count = len(summary.failed)
        more = f" and {count - _SHOWN} more" if count > _SHOWN else ""
        others = ", the others are fused" if summary.fused else ""
        raise StackError(
            f"{count_noun(count, 'stack')} failed "
            f"({', '.join(summary.failed[:_SHOWN])}{more}){others}; see failures.csv in "
            f"{summary.output / 'umis-fusion'}. Started again, the command tries again what failed."
        )


class _Report:
    """What is shown of a run."""

    def __init__(self, *, quiet: bool) -> None:
        self.bar = progress_bar("fusing", "block", quiet=quiet)
        self._quiet = quiet
        self._stacks = 0
        self.notes: dict[str, list[str]] = {}

    def show(self, event: object) -> None:
        """Show an event."""
        if isinstance(event, ZarrStarted):
            self._stacks = event.stacks
        if isinstance(event, ZarrProgress):
            # Planes of the block in this process, as a share of it.
            share = event.planes_done / event.planes_total if event.planes_total else 0.0
            done = round(min(event.done + share, event.total), 2)
            show_done(self.bar, done, event.total, event.name or "fusing")
        elif isinstance(event, FieldFailed) and self._stacks > 1:
            # What befalls the only stack is the error of the run, which ends with it.
            print_error("error", f"{event.name}: {event.message}")
        elif isinstance(event, ZarrStarted) and not self._quiet:
            self.bar.write(str(event), file=sys.stderr)
        elif isinstance(event, FieldFused):
            self.notes[event.name] = [*event.notes]
            for note in () if self._quiet else event.notes:
                self.bar.write(f"{event.name}: note: {note}", file=sys.stderr)
