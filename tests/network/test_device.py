import gc
import weakref

import pytest
import torch

from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.network import (
    MemoryPolicy,
    choose_device,
    computes_bfloat16,
    is_out_of_memory,
)
from napari_umis_fusion.network import _device as module
from napari_umis_fusion.runtime import run_to_end

MPS_TEXT = "MPS backend out of memory (MPS allocated: 9.0 GB)"


@pytest.fixture
def machine(monkeypatch):
    def pretend(*, cuda, mps):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("wanted", "cuda", "mps", "expected"),
    [
        ("auto", True, True, "cuda"),
        ("auto", False, True, "mps"),
        ("auto", False, False, "cpu"),
        ("cpu", True, True, "cpu"),
        ("mps", True, True, "mps"),
    ],
)
def test_choice(wanted, cuda, mps, expected, machine):
    machine(cuda=cuda, mps=mps)
    assert choose_device(wanted).type == expected


@pytest.mark.parametrize(
    ("wanted", "cuda", "mps", "text"),
    [
        ("cuda", False, True, "'cuda' is not available.* has mps, cpu; choose"),
        ("mps", False, False, "'mps' is not available.* has cpu; choose"),
    ],
)
def test_absent_device(wanted, cuda, mps, text, machine):
    machine(cuda=cuda, mps=mps)
    with pytest.raises(DeviceError, match=text):
        choose_device(wanted)


@pytest.mark.parametrize(("capability", "expected"), [((9, 0), True), ((7, 5), False)])
def test_bfloat16_of_a_graphics_card(capability, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert computes_bfloat16(torch.device("cuda")) is expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [((True, False), True), ((False, True), False), ((None, True), False)],
)
def test_bfloat16_of_a_cpu_with_matrix_instructions_alone(known, expected, monkeypatch):
    """None: a build of torch that cannot tell."""
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    for name, answer in zip(names, known, strict=True):
        monkeypatch.delattr(torch.cpu, name, raising=False)
        if answer is not None:
            monkeypatch.setattr(torch.cpu, name, lambda answer=answer: answer, raising=False)
    assert computes_bfloat16(torch.device("cpu")) is expected


def test_bfloat16_elsewhere_is_not_counted_on():
    assert not computes_bfloat16(torch.device("mps"))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError(MPS_TEXT), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (MemoryError(), True),
        (RuntimeError("The size of tensor a must match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, expected):
    assert is_out_of_memory(error) is expected


def hungry(fits, error):
    """Make a step that runs out of memory unless `fits`, and a list of what it was given."""
    tried = []

    def step(device, rows):
        tried.append((device.type, rows))
        yield
        if not fits(device.type, rows):
            raise error
        return "done"

    return step, tried


OUT = torch.cuda.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize(
    ("device", "fits", "tried", "notes"),
    [
        ("cuda", lambda d, r: True, [("cuda", 500)], []),
        (
            "cuda",
            lambda d, r: r <= 125,
            [("cuda", 500), ("cuda", 250), ("cuda", 125)],
            [
                "cuda ran out of memory: strips of 250 rows",
                "cuda ran out of memory: strips of 125 rows",
            ],
        ),
        (
            "mps",
            lambda d, r: d == "cpu",
            [("mps", 500), ("mps", 250), ("mps", 125), ("cpu", 100)],
            [
                "mps ran out of memory: strips of 250 rows",
                "mps ran out of memory: strips of 125 rows",
                "mps ran out of memory: fell back to the cpu",
            ],
        ),
    ],
)
def test_less_is_tried_until_it_fits(device, fits, tried, notes, monkeypatch):
    monkeypatch.setattr(module, "default_strip_rows", lambda d, w: 100 if d.type == "cpu" else 900)
    policy = MemoryPolicy(torch.device(device))
    step, given = hungry(fits, OUT if device == "cuda" else RuntimeError(MPS_TEXT))
    assert run_to_end(policy.iter_run(step, (500, 300))) == "done"
    assert given == tried
    assert policy.notes == notes
    run_to_end(policy.iter_run(step, (500, 300)))
    assert given[len(tried) :] == tried[-1:], "what was learnt holds for the next plane"


def test_rows_may_be_chosen_otherwise():
    asked = []

    def choose(device, width):
        asked.append((device.type, width))
        return 400 if device.type == "cuda" else 90

    step, given = hungry(lambda d, r: d == "cpu", OUT)
    run_to_end(MemoryPolicy(torch.device("cuda"), choose_rows=choose).iter_run(step, (500, 300)))
    assert given == [("cuda", 400), ("cuda", 200), ("cuda", 100), ("cpu", 90)]
    assert asked == [("cuda", 300), ("cpu", 300)]


def test_cpu_out_of_memory_is_an_error():
    step, _ = hungry(lambda d, r: False, MemoryError())
    with pytest.raises(DeviceError, match=r"cpu ran out of memory .* 500 x 300 px.* 0\.1 GB"):
        run_to_end(MemoryPolicy(torch.device("cpu"), 64).iter_run(step, (500, 300)))


def test_other_errors_pass():
    step, given = hungry(lambda d, r: False, RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        run_to_end(MemoryPolicy(torch.device("cuda")).iter_run(step, (500, 300)))
    assert len(given) == 1


def test_memory_of_a_failed_try_is_free_when_it_is_given_back(monkeypatch):
    held, alive = [], []

    def step(device, rows):
        tensor = torch.zeros(10)
        held.append(weakref.ref(tensor))
        yield
        if device.type != "cpu":
            raise torch.cuda.OutOfMemoryError("out of memory")

    monkeypatch.setattr(module, "_empty_cache", lambda _: alive.append(held[-1]() is not None))
    gc.disable()  # reference counts alone must do
    try:
        run_to_end(MemoryPolicy(torch.device("cuda"), 256).iter_run(step, (500, 300)))
    finally:
        gc.enable()
    assert alive == [False] * 3
