"""What was done for a stack of a run: small files, each written once its work is complete."""

import json
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.runtime import atomic_write, read_json
from napari_umis_fusion.scale._run_plan import Cell, RunPlan


class Markers:
    """The markers of one stack.

    Parameters
    ----------
    plan : RunPlan
        The run.
    cell : Cell
        The stack.
    """

    def __init__(self, plan: RunPlan, cell: Cell) -> None:
        self.folder = plan.folder(cell)
        self._blocks = plan.blocks(cell)

    @property
    def survey(self) -> Path:
        """What was found of whole planes."""
        return self.folder / "survey.npz"

    @property
    def alignment(self) -> Path:
        """The table of the alignment."""
        return self.folder / "alignment.csv"

    @property
    def settled(self) -> Path:
        """What the last look changed, before it is written to the arrays."""
        return self.folder / "settled.npz"

    @property
    def lock(self) -> Path:
        """Held by who surveys or finishes the stack."""
        return self.folder / "work.lock"

    def block(self, number: int) -> Path:
        """Return the marker of a block."""
        return self.folder / f"block-{number:04d}.json"

    @property
    def finished(self) -> Path:
        """The last marker, with provenance and quality."""
        return self.folder / "finished.json"

    @property
    def failed(self) -> Path:
        """Why the stack could not be fused."""
        return self.folder / "failed.json"

    @property
    def missing(self) -> list[int]:
        """Numbers of the blocks that are not done."""
        return [one for one in range(self._blocks) if not self.block(one).is_file()]

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.finished.is_file()

    @property
    def holds_work(self) -> bool:
        """Whether anything here depends on the values of the stack."""
        return self.survey.is_file() or len(self.missing) < self._blocks

    def fail(self, error: BaseException) -> None:
        """Write why the stack could not be fused."""
        write_marker(self.failed, {"error": type(error).__name__, "message": str(error)})


def created_marker(plan: RunPlan, field: int) -> Path:
    """Return the marker of a field whose arrays are created, with the state of its values then."""
    return plan.state / (plan.source.fields[field].name or "image") / "created.json"


def write_marker(path: Path, content: dict[str, Any]) -> None:
    """Write a marker, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_marker(path: Path) -> dict[str, Any]:
    """Read a marker.

    Raises
    ------
    StackFileError
        If it is damaged.
    """
    try:
        content = read_json(path)
        if not isinstance(content, dict):
            raise ValueError("no JSON object")
    except ValueError as error:
        raise StackFileError(
            f"{path}: cannot be read ({error}). Remove it, and its part is fused again."
        ) from error
    return content
