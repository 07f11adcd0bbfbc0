"""What the documentation shows, works: each snippet and each command is run."""

import dataclasses
import importlib
import json
import re
import runpy
import shlex
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_umis_fusion.fusion
from napari_umis_fusion import (
    Alignment,
    Calibration,
    FusionConfig,
    TrainingConfig,
    fuse,
    write_image,
)
from napari_umis_fusion.live import AutofocusConfig, KeepConfig, SweepPlan
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
SHORT_WATCH = {"pause": 0, "until_idle": 0.2}

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
    _write_plate(folder / "plate.zarr")
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


def _write_plate(path: Path) -> None:
    """Write a plate of OME-Zarr with two wells of one field."""
    import zarr

    def describe(group: Path, content: dict[str, object]) -> None:
        group.mkdir(parents=True, exist_ok=True)
        attributes = {"ome": {"version": "0.5", **content}}
        told = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        (group / "zarr.json").write_text(json.dumps(told))

    wells = [
        {"path": f"{row}/03", "rowIndex": number, "columnIndex": 0}
        for number, row in enumerate("BC")
    ]
    rows, columns = [{"name": "B"}, {"name": "C"}], [{"name": "03"}]
    describe(path, {"plate": {"rows": rows, "columns": columns, "wells": wells}})
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    steps = [{"type": "scale", "scale": [0.5, 0.5, 0.5]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    stack = make_stack("bumps", (64, 64), planes=4).stack[..., 1]
    for row in "BC":
        describe(path / row / "03", {"well": {"images": [{"path": "0"}]}})
        field = path / row / "03" / "0"
        describe(field, {"multiscales": [{"axes": axes, "datasets": datasets}]})
        array = zarr.create_array(
            str(field / "0"), shape=stack.shape, dtype=stack.dtype, chunks=(1, 64, 64)
        )
        array[...] = stack


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
    write_image(folder / "overrides.tif", np.full((48, 64), 2, np.uint16))
    sizes = Calibration(0.5, 0.5, 0.5)
    write_image(folder / "sharp.tif", result.all_in_focus, rgb=True)
    write_image(folder / "depth.ome.tif", result.depth_map(0.5), calibration=sizes)


def _write_npy_stack(folder: Path, stack: np.ndarray) -> None:
    import dask.array as da

    da.to_npy_stack(str(folder), da.from_array(stack, chunks=(1, -1, -1)), axis=0)


def _write_hyperstack(path: Path) -> None:
    stack = make_stack("fluorescence", (48, 64), planes=4, channels=2).stack
    time_points = np.stack([np.moveaxis(stack, 3, 1)] * 2)  # TZCYX
    metadata = {"axes": "TZCYX"}
    for axis in "XYZ":
        metadata |= {f"PhysicalSize{axis}": 0.5, f"PhysicalSize{axis}Unit": "µm"}
    tifffile.imwrite(path, time_points, ome=True, photometric="minisblack", metadata=metadata)


def _write_weights(path: Path) -> None:
    import torch

    from napari_umis_fusion.network import UNetPlusPlus

    torch.manual_seed(0)
    torch.save(UNetPlusPlus().state_dict(), path)


def small_demo() -> RenderedStack:
    return make_stack("discs", (48, 64), planes=4)


def small_sample(scene: str, _shape: object = None, **options: Any) -> RenderedStack:
    return make_stack(scene, (48, 64), **{**options, "planes": 4})


@pytest.fixture
def work_folder(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into a fresh folder that sees the samples; stacks and trainings are small."""
    monkeypatch.setattr("napari_umis_fusion.cli._demo.demo_stack", small_demo)
    monkeypatch.setattr("napari_umis_fusion.synthetic._samples.make_stack", small_sample)
    objective = "napari_umis_fusion.training.objectives._select.SelectObjective"
    monkeypatch.setattr(f"{objective}.validation_examples", 4)
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
def test_snippet_runs(snippet: Path, work_folder: Path, quick_aim: Callable[[], None]) -> None:
    if is_slow(snippet.read_text("utf-8")) and snippet.stem != "train_weights":
        quick_aim()
    runpy.run_path(str(snippet), run_name="__main__")


@pytest.mark.parametrize("command", cases({line: line for line in shown_commands()}))
def test_command_runs(command: str, work_folder: Path, quick_aim: Callable[[], None]) -> None:
    from napari_umis_fusion.cli import main

    words = shlex.split(command, comments=True)[1:]
    if {"--own-stacks", "--resume"} & set(words):
        quick_aim()
    short = {"train": SHORT_TRAINING, "watch": SHORT_WATCH}.get(words[0], {})
    words += [f"--{name.replace('_', '-')}={value}" for name, value in short.items()]
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
    ("config", "page"),
    [
        (FusionConfig, "python.md"),
        (TrainingConfig, "training.md"),
        (AutofocusConfig, "microscope.md"),
        (SweepPlan, "microscope.md"),
        (KeepConfig, "microscope.md"),
    ],
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


# --- what the pages say of the code


def test_names_of_functions_stand_between_backticks() -> None:
    """A renaming that reaches the prose leaves names of functions in it."""
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    functions = set(re.findall(r"\bdef ([a-z]+_\w+)", sources))
    assert {"as_stack", "count_noun"} <= functions
    code = re.compile(
        r"^```.*?^```|^::: .*?$|^\[\w+\]: .*?$|`[^`]*`|\]\([^)]*\)|\]\[\w+\]", re.M | re.S
    )
    pages = [*PAGES, ROOT / "CONTRIBUTING.md"]
    prose = {page.name: code.sub("", page.read_text("utf-8")) for page in pages}
    found = {name: functions & set(re.findall(r"\w+", text)) for name, text in prose.items()}
    assert {name: names for name, names in found.items() if names} == {}


LINK = re.compile(r"^\[\w+\]: https://github\.com/[\w-]+/[\w-]+/(?:blob|tree)/main/(\S+)$", re.M)


def test_the_architecture_links_to_what_exists() -> None:
    linked = LINK.findall((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    assert len(linked) > 30
    assert [path for path in linked if not (ROOT / path).exists()] == []


def test_each_link_of_the_architecture_leads_where_it_says() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    targets = dict(re.findall(r"^\[(\w+)\]: \S+/src/napari_umis_fusion/(\S+)$", page, re.M))
    named = re.findall(r"\[`([\w./]+)`\]\[(\w+)\]", page)
    paths = [(said.rstrip("/"), targets[key]) for said, key in named if "." in said or "/" in said]
    assert len(paths) > 30
    assert [(said, target) for said, target in paths if said != target] == []


def test_the_traps_name_files_that_exist() -> None:
    traps = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    traps = traps.partition("## Traps")[2].partition("\n## ")[0]
    last = [line.rsplit(" | ", 1)[1] for line in traps.splitlines() if re.match(r"\| \d", line)]
    named = [
        name for cell in last for name in re.findall(r"`([\w./]+(?:\.(?:py|sh|txt|ini)|/))`", cell)
    ]
    homes = (ROOT, ROOT / "src" / "napari_umis_fusion")
    assert len(named) >= 10
    assert [name for name in named if not any((home / name).exists() for home in homes)] == []


def test_the_files_of_tests_that_pages_name_exist() -> None:
    pages = [*PAGES, ROOT / "CONTRIBUTING.md"]
    named = {
        path for page in pages for path in re.findall(r"\btests/[\w./]+\w", page.read_text("utf-8"))
    }
    assert {"tests/run_all.sh", "tests/test_words.py"} <= named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_readme_links_to_pages_and_pictures_that_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    pages = re.findall(r"\]\(https://[\w-]+\.github\.io/[\w-]+/([\w-]*)/?\)", readme)
    assert len(pages) > 5
    assert [page for page in pages if not (ROOT / "docs" / f"{page or 'index'}.md").exists()] == []
    pictures = re.findall(
        r"\]\(https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/main/(.*?)\)", readme
    )
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).exists()] == []


def storeys_drawn() -> list[tuple[str, list[set[str]]]]:
    """Read the picture of the rooms: each storey from above, with its rows of rooms."""
    picture = blocks(ROOT / "docs" / "architecture.md", "mermaid")[0]
    storeys = [("", [{"__main__"}])]
    for name, inside in re.findall(r"subgraph \w+ \[(\w+).*?\]\n(.*?)\n    end", picture, re.S):
        rows = [set(re.findall(r"\w+", row)) for row in inside.split("-->")]
        storeys.append((name.lower(), rows))
    assert "\n    __main__ --> surface\n" in picture
    assert "\n    surface --> learning --> core --> ground\n" in picture
    return storeys


def test_the_picture_of_the_rooms_is_the_contract_of_the_imports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    assert contract["containers"] == ["napari_umis_fusion"]
    drawn = [row for _, rows in storeys_drawn() for row in rows]
    assert drawn == [set(layer.split(" | ")) for layer in contract["layers"]]


def test_the_table_of_the_rooms_is_their_picture_from_below() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = re.findall(r"^\| \[`(\w+)(?:/|\.py)`\]\[\w+\] \| .* \| (\w+) \|$", page, re.M)
    drawn = [(room, name) for name, rows in storeys_drawn()[1:] for row in rows for room in row]
    assert sorted(table) == sorted(drawn)
    order = [row for _, rows in storeys_drawn()[1:] for row in rows][::-1]
    places = [next(k for k, row in enumerate(order) if room in row) for room, _ in table]
    assert places == sorted(places)


def test_the_steps_of_fusion_are_those_of_its_room() -> None:
    steps = re.findall(r"^(\d)\. ([\w ]+): (.*)[;.]$", napari_umis_fusion.fusion.__doc__, re.M)
    assert [number for number, _, _ in steps] == list("123456")
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d)\. ([\w ]+) \| .* \| (.*) \|$", page, re.M)
    assert [(*row[:2], re.sub(r"\[(`\S+`)\]\[\w+\]", r"\1", row[2])) for row in rows] == steps


def rooms_of_fusion() -> dict[str, list[str]]:
    """Read the table of the rooms of `fusion/`, from below: each with its files."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("| room | subject | files `_….py` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| \[`fusion/(?:(\w+)/)?`\]\[\w+\].* \| .* \| (.*) \|$", table, re.M)
    return {room: re.findall(r"`(\w+)`", files) for room, files in rows}


def test_the_files_of_fusion_are_listed_by_room() -> None:
    home = Path(napari_umis_fusion.fusion.__file__).parent
    folders = ["", *(path.parent.name for path in home.glob("*/__init__.py"))]
    listed = {room: sorted(files) for room, files in rooms_of_fusion().items()}
    assert listed == {
        room: sorted(path.stem[1:] for path in (home / room).glob("_*.py") if path.stem[1] != "_")
        for room in folders
    }


def test_the_rooms_of_fusion_are_listed_in_the_order_of_the_imports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    home = "napari_umis_fusion.fusion"
    layers = next(one["layers"] for one in contracts if one.get("containers") == [home])
    order = [layer.split(" | ") for layer in layers[::-1]]
    rooms = [room for layer in order for room in layer if not room.startswith("_")]
    assert list(rooms_of_fusion()) == [*rooms, ""]


# --- the reference

DOCUMENTED = re.findall(
    r"^::: (\S+)$", "\n".join(page.read_text("utf-8") for page in PAGES), re.MULTILINE
)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_the_reference_documents_is_public(name: str) -> None:
    home, _, last = name.rpartition(".")
    assert not any(part.startswith("_") for part in name.split("."))
    if home == "napari_umis_fusion" and (ROOT / "src" / home / f"{last}.py").exists():
        assert importlib.import_module(name).__doc__
        return
    assert last in importlib.import_module(home).__all__
    assert getattr(importlib.import_module(home), last).__doc__


def test_nothing_is_documented_twice() -> None:
    objects = [importlib.import_module(n.rpartition(".")[0]) for n in DOCUMENTED]
    known = [getattr(o, n.rpartition(".")[2]) for o, n in zip(objects, DOCUMENTED, strict=True)]
    assert len({id(one) for one in known}) == len(known)


def test_every_name_at_the_top_is_documented() -> None:
    named = {name.removeprefix("napari_umis_fusion.") for name in DOCUMENTED}
    assert set(napari_umis_fusion.__all__) - named == {"UmisFusionError"}, "that one with errors"
    assert "errors" in named
