"""The record of a batch in its folder of results: what it did, so that it is not done again."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from napari_umis_fusion.batch._entry import BatchEntry
from napari_umis_fusion.batch._options import BatchOptions
from napari_umis_fusion.batch._schema import EntryLine, HeadLine
from napari_umis_fusion.config import WITHOUT_EFFECT, FusionConfig
from napari_umis_fusion.errors import CheckpointError, ConfigError, StackFileError
from napari_umis_fusion.files.write import naming_write_errors
from napari_umis_fusion.runtime import (
    atomic_write,
    checked,
    file_stamp,
    naming_faults,
    package_version,
    parse_json,
    read_bytes,
    user_path,
)

RECORD = "umis-fusion-batch.jsonl"
"""Name of the record in the folder of results."""

MOST_BYTES = 2**30
"""A line holds a few thousand; batches have at most a few hundred thousand stacks."""

_GROUPING = ("pattern", "group_by", "planes", "gap_s")
"""Options that say which files a stack has; those are compared one by one."""


class BatchRecord:
    """Lines of JSON: what a batch is made with, then what is known of each stack.

    Lines are only added, so that a killed process loses at most the last one, and a batch of many
    stacks does not write its record again and again.

    Parameters
    ----------
    folder : Path
        The folder of results, which exists.
    config : FusionConfig
        How is fused.
    options : BatchOptions
        What is written.

    Raises
    ------
    ConfigError
        If the batch there was made with other options.
    StackFileError
        If its record cannot be read, or written.
    """

    def __init__(self, folder: Path, config: FusionConfig, options: BatchOptions) -> None:
        self._folder, self._path = folder, folder / RECORD
        self._made_with = _made_with(config, options)
        self._lines: dict[str, EntryLine] = {}
        self._is_torn = False
        if self._path.exists():
            self._load()
        else:
            self._begin()

    def __len__(self) -> int:
        return len(self._lines)

    def entry(self, name: str, identity: str) -> BatchEntry | None:
        """Return what is known of a stack, if its files are as they were, and its results too."""
        line = self._lines.get(name)
        if line is None or line["identity"] != identity or line["status"] == "begun":
            return None
        if line["status"] == "done" and not all(self._is_as_written(one) for one in _files(line)):
            return None
        is_done = line["status"] == "done"
        outputs = line["outputs"] if is_done else {}
        return BatchEntry(
            name,
            "skipped" if is_done else "failed",
            tuple(line["shape"]),
            line["seconds"],
            line["never_in_focus"],
            {kind: self._folder / one["path"] for kind, one in outputs.items()},
            tuple(line["notes"]),
            line["reason"],
            line["thumbnail"],
        )

    def may_replace(self, name: str, path: Path) -> bool:
        """Whether a file is a result of this batch, and was not changed since."""
        line = self._lines.get(name)
        if line is None:
            return False
        known = [one for one in _files(line) if self._folder / one["path"] == path]
        return any(one["stamp"] is None or self._is_as_written(one) for one in known)

    def begin(self, name: str, identity: str, paths: Mapping[str, Path]) -> None:
        """Record that the results of a stack are about to be written."""
        self._add(self._line(BatchEntry(name, outputs=paths), identity, "begun"))

    def end(self, entry: BatchEntry, identity: str) -> None:
        """Record that a stack is fused, or failed."""
        line = self._line(entry, identity, entry.status)
        if entry.status == "failed" and entry.name in self._lines:
            # What was written of it, now or before, may still be replaced later.
            line["outputs"] = self._lines[entry.name]["outputs"]
        self._add(line)

    def _line(self, entry: BatchEntry, identity: str, status: str) -> EntryLine:
        is_done = status == "done"
        outputs = {
            kind: {
                "path": path.relative_to(self._folder).as_posix(),
                "stamp": list(file_stamp(path)) if is_done else None,
            }
            for kind, path in entry.outputs.items()
        }
        values = asdict(entry) | {"identity": identity, "status": status, "outputs": outputs}
        values |= {"shape": list(entry.shape), "notes": list(entry.notes)}
        line: EntryLine = checked(EntryLine, values)
        return line

    def _begin(self) -> None:
        head = {"software": f"napari-umis-fusion {package_version()}", "made_with": self._made_with}
        with naming_write_errors(self._path), atomic_write(self._path) as temporary:
            temporary.write_text(f"{json.dumps(head)}\n", encoding="utf-8")

    def _add(self, line: EntryLine) -> None:
        text = f"{json.dumps(line)}\n"
        with naming_write_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            # After a line that a killed process or a full disk left, the next one begins on a line
            # of its own.
            start, self._is_torn = "\n" if self._is_torn else "", True
            file.write(f"{start}{text}")
            file.flush()
            os.fsync(file.fileno())
        self._is_torn = False
        self._lines[line["name"]] = line

    def _load(self) -> None:
        advice = "choose another folder for results"
        with naming_faults(self._path, StackFileError, "is no record of a batch", advice):
            content = read_bytes(self._path, MOST_BYTES)
            head, *lines = content.split(b"\n")
            made_with = checked(HeadLine, parse_json(head))["made_with"]
            self._is_torn = not content.endswith(b"\n")
            for text in lines:
                line = _line_of(text)
                if line is not None:
                    self._lines[line["name"]] = line
        self._check_made_with(made_with)

    def _check_made_with(self, known: Mapping[str, Any]) -> None:
        # An option that is newer than the batch had its default then.
        known, mine = {**_made_with(FusionConfig(), BatchOptions()), **known}, self._made_with
        differing = sorted(key for key in {*known, *mine} if known.get(key) != mine.get(key))
        if differing:
            told = ", ".join(f"{key}={known.get(key)} there" for key in differing[:4])
            raise ConfigError(
                f"{self._folder}: the batch there was made with other options ({told}). Resume it "
                "with the same ones, or choose another folder for results."
            )

    def _is_as_written(self, one: Mapping[str, Any]) -> bool:
        try:
            return one["stamp"] is not None and file_stamp(self._folder / one["path"]) == tuple(
                one["stamp"]
            )
        except OSError:
            return False


def _files(line: EntryLine) -> list[Any]:
    return list(line["outputs"].values())


def _line_of(text: bytes) -> EntryLine | None:
    """Return an entry; None for what a killed process left of one."""
    try:
        line: EntryLine = checked(EntryLine, parse_json(text))
    except ValueError:
        return None
    return line


def _made_with(config: FusionConfig, options: BatchOptions) -> dict[str, Any]:
    """Return all that decides what the results are, as JSON values."""
    values = {key: value for key, value in asdict(config).items() if key not in WITHOUT_EFFECT}
    if config.checkpoint is not None:  # by content: another file may have come under its name
        advice = "check the path"
        with naming_faults(config.checkpoint, CheckpointError, "cannot be read", advice):
            content = read_bytes(user_path(config.checkpoint), MOST_BYTES)
        values["checkpoint"] = hashlib.sha256(content).hexdigest()
    wanted = {key: value for key, value in asdict(options).items() if key not in _GROUPING}
    made_with: dict[str, Any] = json.loads(json.dumps(values | wanted))
    return made_with
