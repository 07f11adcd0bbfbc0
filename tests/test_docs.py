"""What the documentation shows, works: each snippet and each command is run."""

import dataclasses
import re
import runpy
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import Alignment, FusionConfig, TrainingConfig, fuse, write_image
from napari_umis_fusion.models.library import ModelLibrary
from napari_umis_fusion.network import PlaneRanker, save_checkpoint, shipped_weights
from napari_umis_fusion.synthetic import RenderedStack, make_stack
from napari_umis_fusion.training.session import save_config

ROOT = Path(__file__).resolve().parents[1]
SNIPPETS = sorted((ROOT / "docs" / "snippets").glob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHORT_TRAINING = {
    "steps": 2,
    "epochs": 0,
    "validate_every": 2,
    "batch": 2,
    "patch_px": 32,
    "width_px": 32,
    "height_px": 32,
}
"""What makes a training short, whatever a command asks for."""

FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in FENCE.findall(page.read_text("utf-8")) if kind == language]


def shown_commands() -> list[str]:
    lines = (line for page in PAGES for code in blocks(page, "bash") for line in code.splitlines())
    return sorted({line for line in lines if line.startswith("umis-fusion ")})


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with everything that the documentation's examples open."""
    folder = tmp_path_factory.mktemp("samples")
    rendered = make_stack("bars", (48, 64), planes=4)
    (folder / "planes").mkdir()
    for z, plane in enumerate(rendered.stack):
        write_image(folder / "planes" / f"z{z}.png", plane, rgb=True)
    _write_result_and_truth(folder, rendered)
    Alignment.given([np.eye(2, 3)] * 4, (48, 64)).save(folder / "transforms.csv")
    np.save(folder / "stack.npy", rendered.stack[..., 1])
    _write_npy_stack(folder / "npy-stack", rendered.stack[..., 1])
    _write_hyperstack(folder / "hyperstack.ome.tif")
    tifffile.imwrite(
        folder / "time-series.tif", rendered.stack[..., 0], imagej=True, metadata={"axes": "TYX"}
    )
    _write_weights(folder / "weights.pth")
    _write_photographs(folder / "photographs")
    _write_own_stacks(folder / "stacks")
    shutil.copy(shipped_weights("plane-ranker"), folder / "mine.safetensors")
    save_config(folder / "training.json", TrainingConfig.fine_tuning())
    _write_model(folder / "models", folder / "ranker.safetensors")
    return folder


def _write_model(library: Path, weights: Path) -> None:
    save_checkpoint(weights, PlaneRanker())
    ModelLibrary(library).add(weights, "scorpion")


def _write_own_stacks(folder: Path) -> None:
    for name, scene in (("beetle", "discs"), ("moss", "bumps")):
        (folder / name).mkdir(parents=True)
        for z, plane in enumerate(make_stack(scene, (240, 460), planes=3).stack):
            write_image(folder / name / f"z{z}.png", plane, rgb=True)


def _write_photographs(folder: Path) -> None:
    folder.mkdir()
    for k, image in enumerate(np.random.default_rng(0).integers(0, 255, (4, 70, 80), np.uint8)):
        write_image(folder / f"p{k}.png", image)


def _write_result_and_truth(folder: Path, rendered: RenderedStack) -> None:
    result = fuse(rendered.stack)
    truth = np.rint(rendered.all_in_focus).astype(np.uint8)
    write_image(folder / "result.tif", result.all_in_focus, rgb=True)
    write_image(folder / "truth.tif", truth, rgb=True)
    write_image(folder / "result-index.tif", result.index_map)
    write_image(folder / "true-index.tif", rendered.index_map)


def _write_npy_stack(folder: Path, stack: np.ndarray) -> None:
    import dask.array as da

    da.to_npy_stack(str(folder), da.from_array(stack, chunks=(1, -1, -1)), axis=0)


def _write_hyperstack(path: Path) -> None:
    stack = make_stack("fluorescence", (48, 64), planes=4, channels=2).stack
    time_points = np.stack([np.moveaxis(stack, 3, 1)] * 2)  # TZCYX
    metadata = {"axes": "TZCYX", "PhysicalSizeZ": 0.5, "PhysicalSizeZUnit": "µm"}
    tifffile.imwrite(path, time_points, ome=True, photometric="minisblack", metadata=metadata)


def _write_weights(path: Path) -> None:
    import torch

    from napari_umis_fusion.network import UNetPlusPlus

    torch.manual_seed(0)
    torch.save(UNetPlusPlus().state_dict(), path)


@pytest.fixture
def work_folder(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into a fresh folder that sees the samples; trainings are validated briefly."""
    monkeypatch.setattr("napari_umis_fusion.training.objectives._select.SelectObjective.trials", 4)
    monkeypatch.setattr("napari_umis_fusion.training.loop._compare.STACKS", 2)
    monkeypatch.setattr("napari_umis_fusion.training.loop._compare.SIDE_PX", 64)
    monkeypatch.setenv("UMIS_FUSION_MODELS", str(tmp_path / "models"))
    shutil.copytree(samples / "models", tmp_path / "models")
    for sample in samples.iterdir():
        if sample.name != "models":
            (tmp_path / sample.name).symlink_to(sample)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_slow(shown: str) -> bool:
    """Whether what is shown trains, fine-tunes, or exports a network."""
    return re.search(r"\b(train|fine_tune|export|compare)", shown) is not None


def cases(shown: dict[object, str]) -> list[object]:
    marks = {True: [pytest.mark.slow], False: []}
    return [pytest.param(case, marks=marks[is_slow(text)]) for case, text in shown.items()]


@pytest.mark.parametrize(
    "snippet",
    cases({path: path.read_text("utf-8") for path in SNIPPETS}),
    ids=lambda path: path.stem,
)
def test_snippet_runs(snippet: Path, work_folder: Path) -> None:
    runpy.run_path(str(snippet), run_name="__main__")


@pytest.mark.parametrize("command", cases({line: line for line in shown_commands()}))
def test_command_runs(command: str, work_folder: Path) -> None:
    from napari_umis_fusion.cli import main

    words = shlex.split(command, comments=True)[1:]
    if words[0] == "train":
        words += [f"--{name.replace('_', '-')}={value}" for name, value in SHORT_TRAINING.items()]
    assert main(words) == 0


def test_the_readme_lists_what_the_demo_writes(work_folder: Path) -> None:
    from napari_umis_fusion.cli import main

    main(["demo"])
    listed = re.findall(
        r"^\| `(\S+\.\w+)` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(path.name for path in Path("umis-fusion-demo").iterdir())


def option_row(spec: dataclasses.Field) -> str:
    meta = spec.metadata
    accepted = ", ".join(f"`{choice}`" for choice in meta.get("choices", ()))
    if "min" in meta:
        accepted = f"{meta['min']:g} to {meta['max']:g} {meta['unit']}".rstrip()
    accepted += ", or a number" if spec.name == "channel" else ""
    return f"| `{spec.name}` | `{spec.default}` | {accepted} | {meta['help']} |"


@pytest.mark.parametrize(
    ("config", "page"), [(FusionConfig, "python.md"), (TrainingConfig, "training.md")]
)
def test_the_options_are_those_of_the_config(config: type, page: str) -> None:
    rows = [option_row(spec) for spec in dataclasses.fields(config)]
    assert "\n".join(rows) in (ROOT / "docs" / page).read_text("utf-8")


def test_every_snippet_is_shown() -> None:
    included = {
        name for page in PAGES for name in re.findall(r'--8<-- "(.+)"', page.read_text("utf-8"))
    }
    assert included == {snippet.name for snippet in SNIPPETS}


def test_python_is_only_shown_where_it_is_run() -> None:
    shown = [code.strip() for page in PAGES for code in blocks(page, "python")]
    run = {snippet.read_text("utf-8").strip() for snippet in SNIPPETS}
    assert [code for code in shown if not code.startswith("--8<--") and code not in run] == []


def test_the_command_that_ci_runs_is_the_one_in_the_readme() -> None:
    assert "bash tests/run_all.sh\n" in blocks(ROOT / "README.md", "bash")
    assert "exec bash tests/run_all.sh\n" in (ROOT / ".ci" / "run").read_text("utf-8")
