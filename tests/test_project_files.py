"""What the project says of itself in several files is the same in all, and is all here."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def text(name):
    return (ROOT / name).read_text("utf-8")


def pythons():
    """Return the versions of Python that the classifiers name."""
    found = (re.fullmatch(r".*Python :: (3\.\d+)", c) for c in PROJECT["project"]["classifiers"])
    return [match[1] for match in found if match]


def test_every_python_that_is_promised_is_tested():
    matrix = re.search(r"python: \[(.*)\]", text(".github/workflows/tests.yml"))[1]
    assert re.findall(r'"([\d.]+)"', matrix) == pythons()
    environments = re.search(r"env_list = (.*)", text("tox.ini"))[1].split(", ")
    assert {f"py{version.replace('.', '')}" for version in pythons()} <= set(environments)


def test_citation_is_of_this_project():
    citation, project = text("CITATION.cff"), PROJECT["project"]
    addresses = project["urls"]
    for key, value in {
        "title": project["name"],
        "license": project["license"],
        "repository-code": addresses["Source Code"],
        "url": addresses["Documentation"],
    }.items():
        assert f"\n{key}: {value}\n" in citation
    keywords = re.search(r"\nkeywords:\n((?:  - .*\n)+)", citation)[1]
    assert re.findall(r"- (.*)", keywords) == project["keywords"]


@pytest.mark.parametrize("environment", ["py", "pyside6", "lint", "project", "docs", "coverage"])
def test_workflows_run_environments_that_tox_has(environment):
    workflows = " ".join(path.read_text("utf-8") for path in ROOT.glob(".github/workflows/*.yml"))
    run = re.findall(r"tox run -e ([\w,]+)|\btox: \[?(\w+)", workflows)
    assert environment in {name for pair in run for names in pair for name in names.split(",")}
    assert environment == "py" or f"[testenv:{environment}]" in text("tox.ini")


def test_source_distribution_holds_what_lies_here():
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    missing = [name for name in included if not (ROOT / name).exists()]
    assert missing == []


@pytest.mark.parametrize("name", ["tests/run_all.sh", "tox.ini"])
def test_all_that_depends_on_the_binding_is_run_with_the_other_one(name):
    (run,) = re.findall(r"-m binding([^>{]*)", text(name))
    files = ROOT.glob("tests/*/**/test_*.py")
    marked = [path for path in files if "mark.binding" in path.read_text("utf-8")]
    folders = {f"tests/{path.relative_to(ROOT / 'tests').parts[0]}" for path in marked}
    assert folders == set(re.findall(r"tests/\w+", run))


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "docs"])
def test_nothing_looks_beside_the_checkout(folder):
    """A public clone has no neighbours."""
    depths = {}
    for path in (ROOT / folder).rglob("*.py"):
        inside = len(path.relative_to(ROOT).parts) - 1
        for found in re.findall(r"__file__\)\S*?\.parents\[(\d+)\]", path.read_text("utf-8")):
            if int(found) > inside:
                depths[str(path)] = int(found)
    assert depths == {}
