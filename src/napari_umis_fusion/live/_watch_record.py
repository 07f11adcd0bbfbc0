"""What a watch has done, so that it is not done again after a restart."""

import json
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.runtime import FileStamp, atomic_write, package_version, read_json

RECORD = "umis-fusion-watch.json"
"""Name of the record in the folder of results."""


class WatchRecord:
    """The record of a watch, in its folder of results.

    Parameters
    ----------
    output : Path
        The folder of results.
    folder : Path
        The watched folder.

    Raises
    ------
    StackFileError
        If the record that is there is of another folder, or cannot be read.
    """

    def __init__(self, output: Path, folder: Path) -> None:
        self._path, self._folder = output / RECORD, folder
        self._stacks: list[dict[str, Any]] = []
        self._taken: dict[str, FileStamp] = {}
        if self._path.exists():
            self._load()

    def __len__(self) -> int:
        return len(self._stacks)

    def has(self, path: Path, stamp: FileStamp) -> bool:
        """Whether a file, as it is now, was fused before."""
        return self._taken.get(self._key(path)) == stamp

    def add(self, name: str, files: dict[Path, FileStamp], outputs: dict[str, Path]) -> None:
        """Record that a stack was fused, and write the record."""
        stamps = {self._key(path): list(stamp) for path, stamp in files.items()}
        written = {kind: path.name for kind, path in outputs.items()}
        self._stacks.append({"name": name, "files": stamps, "outputs": written})
        self._taken.update({self._key(path): stamp for path, stamp in files.items()})
        content = {
            "software": f"napari-umis-fusion {package_version()}",
            "folder": str(self._folder),
            "stacks": self._stacks,
        }
        with atomic_write(self._path) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")

    def _key(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _load(self) -> None:
        try:
            content = read_json(self._path)
            known, self._stacks = Path(content["folder"]), list(content["stacks"])
            for stack in self._stacks:
                for name, (size, changed) in stack["files"].items():
                    self._taken[name] = (int(size), int(changed))
        except (KeyError, TypeError, ValueError) as error:
            raise StackFileError(
                f"{self._path}: is no record of a watch ({error}). Choose another folder for "
                "results, or remove the file to fuse everything again."
            ) from error
        if known != self._folder:
            raise StackFileError(
                f"{self._path}: records the watch of {known}, not of {self._folder}. Choose "
                "another folder for results."
            )
