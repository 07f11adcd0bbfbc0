"""What a graphics card makes of it: fusion, training, parity with the CPU, and lack of memory.

    python benchmarks/gpu.py

Prints Markdown. Where no graphics card is found, it says so, and runs nothing unless
``--device cpu`` asks for the same tables of the CPU.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import tifffile
import torch

from harness.network_rate import BOTH_SCALES, MULTIPLICATIONS_PX
from harness.tables import heading, table
from napari_umis_fusion import FusionConfig, FusionResult, fuse
from napari_umis_fusion.network import (
    TwoScaleStream,
    computes_bfloat16,
    load_checkpoint,
    shipped_weights,
)
from napari_umis_fusion.runtime import Workers
from napari_umis_fusion.training import StepDone, TrainingConfig
from napari_umis_fusion.training.loop import train

GEMM_SIDE = 4096
TABLES = ("rate", "fusion", "strips", "parity", "training", "memory", "reading")


def make_planes(planes: int, side_px: int) -> np.ndarray:
    """Return planes of noise, of which each is smooth elsewhere."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(side_px, side_px))
    place = np.linspace(0, planes - 1, side_px)[:, None]
    seen = [noise / (1 + 2 * abs(place - z)) for z in range(planes)]
    return np.clip(20_000 + 5000 * np.array(seen), 0, 65535).astype(np.uint16)


def wait(device: torch.device) -> None:
    """Wait for what the device was given to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds_of(job: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """Return the shortest time of some calls, after one that warms up."""
    job()
    taken = []
    for _ in range(repeats):
        wait(device)
        start = perf_counter()
        job()
        wait(device)
        taken.append(perf_counter() - start)
    return min(taken)


class Bench:
    """The tables, on one device."""

    def __init__(self, device: torch.device, *, quick: bool, repeats: int) -> None:
        self.device, self.quick, self.repeats = device, quick, repeats
        self.model = load_checkpoint(shipped_weights("plane-ranker")).model()

    @property
    def sides_px(self) -> tuple[int, ...]:
        """Sides of square planes."""
        return (64,) if self.quick else (512, 1024, 2048, 4096)

    def stream_seconds(self, side_px: int, strip_rows: int | None = None) -> float:
        """Return the time for a plane in the network alone, in a stack of ten."""
        planes = make_planes(4 if self.quick else 10, side_px) / np.float32(65535)
        half = computes_bfloat16(self.device)

        def run() -> None:
            with Workers() as workers:
                shape = (side_px, side_px)
                rows = strip_rows or side_px
                stream = TwoScaleStream(
                    self.model, self.device, shape, rows, half=half, workers=workers
                )
                for plane in planes:
                    stream.push(plane)
                list(stream.end())

        return seconds_of(run, self.device, self.repeats) / len(planes)

    def rate(self) -> None:
        """Print the share of the device's rate of multiplying matrices that the network reaches."""
        side = 256 if self.quick else GEMM_SIDE
        half = computes_bfloat16(self.device)
        dtype = torch.bfloat16 if half else torch.float32
        one = torch.randn(side, side, device=self.device, dtype=dtype)
        gemm = 2 * side**3 / seconds_of(lambda: one @ one, self.device, 5) / 1e12
        rows = []
        for side_px in self.sides_px:
            taken = self.stream_seconds(side_px)
            pixels = side_px**2
            reached = 2 * MULTIPLICATIONS_PX * BOTH_SCALES * pixels / taken / 1e12
            numbers = f"{taken * 1e3:.1f}", f"{taken / pixels * 1e9:.1f}", f"{reached:.2f}"
            rows.append((f"{side_px} x {side_px}", *numbers, f"{reached / gemm:.1%}"))
        print(heading(f"The network alone; matrices multiply at {gemm:.2f} TFLOPS in {dtype}"))
        print(table(("plane", "ms a plane", "ns a pixel", "TFLOPS", "of matrices"), rows))

    def fusion(self) -> None:
        """Print the time of fusions in memory, on this device and on the CPU."""
        rows = []
        for side_px in self.sides_px[:3]:
            stack = make_planes(4 if self.quick else 10, side_px)
            times = [self._fuse_seconds(stack, name) for name in dict.fromkeys((self.name, "cpu"))]
            cells = [f"{seconds:.2f}" for seconds in times]
            rows.append((f"{len(stack)} x {side_px} x {side_px}", *cells))
        heads = [f"{name}, s" for name in dict.fromkeys((self.name, "cpu"))]
        print(heading("Fusions in memory"))
        print(table(("stack", *heads), rows))

    @property
    def name(self) -> str:
        """Name of the device, as configs have it."""
        return self.device.type

    def _fuse_seconds(self, stack: np.ndarray, name: str) -> float:
        config = FusionConfig(device=name)
        return seconds_of(lambda: fuse(stack, config), self.device, self.repeats)

    def strips(self) -> None:
        """Print the time of the network by rows that are computed at once."""
        side_px = self.sides_px[-1]
        rows = []
        for strip_rows in (side_px, side_px // 2, side_px // 4):
            taken = self.stream_seconds(side_px, strip_rows)
            rows.append((f"{strip_rows}", f"{taken * 1e3:.1f}"))
        print(heading(f"By rows at once, planes of {side_px} x {side_px}"))
        print(table(("rows", "ms a plane"), rows))

    def parity(self) -> None:
        """Print how far results are from those of the CPU."""
        rows = []
        for side_px in self.sides_px[:2]:
            stack = make_planes(6, side_px)
            here, there = fuse(stack, device=self.name), fuse(stack, device="cpu")
            apart = np.abs(here.all_in_focus.astype(float) - there.all_in_focus)
            differ = np.mean(here.index_map != there.index_map)
            rows.append((f"{side_px} x {side_px}", f"{differ:.4%}", f"{apart.max():.0f}"))
        print(heading("Against the CPU"))
        print(table(("plane", "other planes chosen", "largest difference of values"), rows))

    def training(self) -> None:
        """Print steps a second by recipe and batch."""
        side_px = 64 if self.quick else 512
        photos = np.random.default_rng(0).integers(0, 255, (8, side_px, side_px), np.uint8)
        recipes = {
            "train": (TrainingConfig(), None),
            "fine-tune": (TrainingConfig.fine_tuning(), shipped_weights("plane-ranker")),
        }
        rows = []
        for name, (config, start) in recipes.items():
            for batch in (6,) if self.quick else (36, 144, 576):
                rate = self._steps_a_second(photos, config.replace(batch=batch), start)
                rows.append((name, f"{batch}", f"{rate:.2f}", f"{rate * batch:.0f}"))
        print(heading("Training, objective select, with rendering"))
        print(table(("recipe", "planes a batch", "steps/s", "planes/s"), rows))

    def _steps_a_second(
        self, photos: np.ndarray, config: TrainingConfig, start: Path | None
    ) -> float:
        options: dict[str, Any] = {"steps": 20, "minutes": 0.0, "validate_every": 20}
        if self.quick:
            options |= {"patch_px": 32, "steps": 3}
        events = train(photos, config, start=start, device=self.name, test_share=0.0, **options)
        times = [perf_counter() for event in events if isinstance(event, StepDone)]
        return (len(times) - 1) / (times[-1] - times[0])

    def memory(self) -> None:
        """Print what becomes of a fusion when the card is nearly full."""
        side_px = self.sides_px[min(2, len(self.sides_px) - 1)]
        stack = make_planes(6, side_px)
        expected = fuse(stack, device=self.name)
        rows = []
        for left_mb in (2000, 500, 100):
            with nearly_full(self.device, left_mb):
                found: FusionResult = fuse(stack, device=self.name)
            differ = np.mean(found.index_map != expected.index_map)
            rows.append((f"{left_mb}", "; ".join(found.notes) or "as ever", f"{differ:.4%}"))
        print(heading(f"Without memory, 6 x {side_px} x {side_px}"))
        print(table(("MB left", "notes", "other planes chosen"), rows))

    def reading(self) -> None:
        """Print the time of a fusion from files to memory, and of reading alone."""
        planes, side_px = (4, 64) if self.quick else (20, 2048)
        stack = make_planes(planes, side_px)
        with tempfile.TemporaryDirectory() as folder:
            for z, plane in enumerate(stack):
                tifffile.imwrite(Path(folder) / f"{z:03}.tif", plane)
            files = sorted(str(path) for path in Path(folder).iterdir())
            reading = seconds_of(lambda: [tifffile.imread(f) for f in files], self.device, 1)
            config = FusionConfig(device=self.name)
            whole = seconds_of(lambda: fuse(files, config), self.device, self.repeats)
        in_memory = self._fuse_seconds(stack, self.name)
        print(heading(f"From files, {planes} x {side_px} x {side_px}"))
        cells = f"{whole:.2f}", f"{in_memory:.2f}", f"{reading:.2f}"
        print(
            table(
                ("device", "from files, s", "from memory, s", "reading, s"), [(self.name, *cells)]
            )
        )


@contextmanager
def nearly_full(device: torch.device, left_mb: int) -> Iterator[None]:
    """Take the memory of a graphics card but for `left_mb`."""
    if device.type != "cuda":
        yield
        return
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    taken = torch.empty(max(free - left_mb * 2**20, 0), dtype=torch.uint8, device=device)
    try:
        yield
    finally:
        del taken
        torch.cuda.empty_cache()


def find_device(wanted: str) -> torch.device | None:
    """Return the device to measure; None if there is no graphics card."""
    if wanted == "cpu":
        return torch.device("cpu")
    if wanted in ("auto", "cuda") and torch.cuda.is_available():
        return torch.device("cuda")
    if wanted in ("auto", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    return None


def main() -> int:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--device", choices=("auto", "cuda", "mps", "cpu"), default="auto", help="what to measure")
    add("--tables", nargs="+", choices=TABLES, default=list(TABLES), help="which to print")
    add("--repeats", type=int, default=3, help="counted rounds; the shortest is printed")
    add("--quick", action="store_true", help="tiny stacks, one round: does it work?")
    options = parser.parse_args()
    device = find_device(options.device)
    if device is None:
        print(
            f"No graphics card here: torch {torch.__version__} finds no cuda and no mps device, so "
            "nothing was measured. Run this on a machine with one, or with --device cpu."
        )
        return 0
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print(f"{name}, torch {torch.__version__}")
    bench = Bench(device, quick=options.quick, repeats=1 if options.quick else options.repeats)
    for name in options.tables:
        getattr(bench, name)()
    return 0


if __name__ == "__main__":
    sys.exit(main())
