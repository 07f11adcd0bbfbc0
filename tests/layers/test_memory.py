"""All arrays of a run share one budget: maps, results, and the layers that come of them."""

import gc
import tempfile
import tracemalloc
import weakref

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse, fuse_layer, iter_fuse_layer
from napari_umis_fusion.layers import LayerFinished
from napari_umis_fusion.layers._make_outputs import OUTPUT_SHARE
from napari_umis_fusion.runtime import ScratchMemory, _scratch_memory
from napari_umis_fusion.runtime._scratch_memory import MEGABYTE

SIDE = 560
SERIES = np.random.default_rng(0).integers(0, 256, (2, 3, SIDE, SIDE), np.uint8)
SMALL = SERIES[..., : SIDE // 2, : SIDE // 2]
"""Where each byte is counted, a quarter of the pixels says the same."""

LABELS = {"name": "series", "axis_labels": ("t", "z", "y", "x"), "scale": (1, 2, 1, 1)}
EVERY = ("all_in_focus", "index_map", "depth_map", "confidence_map", "source_map")
PASSING_MB = 15
"""For planes as they are read, and tiles as they are worked on and looked at; not of the budget."""

CONFIGS = [
    {"verification": "seams"},
    {"verification": "mode"},
    {"verification": "none", "blend": "select"},
]


def config(budget_mb, **options):
    options = {"window_sigma_px": 1.0, "tile_px": 128, "threads": 1, **options}
    return FusionConfig("laplacian", memory_mb=budget_mb, **options)


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # Large arrays as well are memory that is traced.
    monkeypatch.setattr(_scratch_memory, "PAGED", 2**40)


def fused_by_widget(layer, settings, **plan):
    """Drive the events as the window does, which holds on to what the last one tells."""
    *_, finished = iter_fuse_layer([layer], settings, **plan)
    assert isinstance(finished, LayerFinished)
    return finished


RUNS = {
    "a stack": lambda settings, series=SERIES: fuse(series[0], settings),
    "time points": lambda settings, series=SERIES: fuse_layer(
        (series, LABELS), settings, outputs=EVERY
    ),
    "the widget": lambda settings, series=SERIES: fused_by_widget(
        (series, LABELS), settings, outputs=EVERY
    ),
}


CASES = [("a stack", CONFIGS[2]), ("time points", CONFIGS[1]), ("the widget", CONFIGS[0])]


def peak_mb(run, settings):
    """Return the most memory that arrays took at once."""
    gc.collect()
    tracemalloc.start()
    try:
        run(settings)
        return tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_memory_stays_within_the_budget(name, options):
    run = RUNS[name]
    run(config(4096, **options), SMALL[:1])  # compiles and imports what it needs
    bounded = peak_mb(run, config(0, **options))
    assert bounded < PASSING_MB
    assert peak_mb(run, config(4096, **options)) > bounded + 6, "there was something to bound"


class Ledger:
    """Counts the bytes of all arrays in memory, whichever workspace they are of."""

    def __init__(self, monkeypatch):
        self.held, self.peak, self.on_disk = {}, 0, 0
        for name in ("full", "lasting"):
            monkeypatch.setattr(ScratchMemory, name, self.watched(getattr(ScratchMemory, name)))

    def watched(self, allocate):
        def watching(space, *arguments):
            array = allocate(space, *arguments)
            if isinstance(array.base, np.memmap):
                self.on_disk += 1
                return array
            self.held[id(array)] = array.nbytes
            weakref.finalize(array, self.held.pop, id(array))
            self.peak = max(self.peak, sum(self.held.values()))
            return array

        return watching


@pytest.mark.parametrize("options", CONFIGS, ids=str)
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_budget_is_held_to_the_byte_and_made_use_of(run, options, monkeypatch):
    ledger = Ledger(monkeypatch)
    made = run(config(2, **options), SMALL)
    assert ledger.on_disk > 0
    assert 1.5 * MEGABYTE < ledger.peak <= 2 * MEGABYTE
    del made
    gc.collect()
    assert ledger.held == {}


def test_later_time_points_have_the_room_of_earlier_ones(monkeypatch):
    """What fits for one stack and the layers fits for any number of stacks."""
    ledger = Ledger(monkeypatch)
    layers = fuse_layer((SMALL, LABELS), config(16), outputs=EVERY)
    one = ledger.peak
    assert ledger.on_disk == 0
    del layers
    assert one < 14 * MEGABYTE < 2 * one, "two stacks at once would not fit"


@pytest.mark.slow
def test_layers_leave_room_for_the_maps(monkeypatch):
    """A long series does not drive the maps of each stack into files."""
    ledger = Ledger(monkeypatch)
    long = np.concatenate([SMALL] * 10)
    layers = fuse_layer((long, LABELS), config(16), outputs=("index_map", "confidence_map"))
    assert sum(data.nbytes for data, *_ in layers) > OUTPUT_SHARE * 16 * MEGABYTE
    assert ledger.on_disk == 1, "one of the layers, and no map"
