"""``umis-fusion models``: the library of trained weights."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from napari_umis_fusion.cli._actions import add_action, add_actions
from napari_umis_fusion.cli._report import print_error, print_json, print_line
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.models.export import DEFAULT_LICENCE
from napari_umis_fusion.models.library import (
    HASH_SHOWN,
    Model,
    ModelLibrary,
    model_facts,
    shipped_models,
)
from napari_umis_fusion.training import TrainingConfig


def add_models_parser(commands: Any) -> None:
    """Add the command and its own commands to the parser."""
    parser = commands.add_parser(
        "models",
        help="List, show, import, rename, annotate, export and delete trained weights.",
        description="Manage the library of trained weights: those of this package and your own. "
        "Name a MODEL by its name or by the first digits of its hash.",
        allow_abbrev=False,
    )
    actions = add_actions(parser)
    add_action(actions, "list", run_list, "List all models, newest first.")
    _add_for_model(actions, "show", run_show, "Show everything that is known of a model.")
    importing = add_action(actions, "import", run_import, "Copy weights into the library.")
    importing.add_argument("file", metavar="FILE", help="Weights: .safetensors, .pth or .pt.")
    importing.add_argument("--name", help="Name of the model (default: the name of the file).")
    importing.add_argument("--note", default="", metavar="TEXT", help="Note about the model.")
    rename = _add_for_model(actions, "rename", run_rename, "Rename a model.")
    rename.add_argument("name", metavar="NAME", help="New name.")
    note = _add_for_model(actions, "note", run_note, "Write a note to a model.")
    note.add_argument(
        "text", metavar="TEXT", help="Text that replaces the old note. An empty text removes it."
    )
    _add_export(actions)
    delete = _add_for_model(
        actions, "delete", run_delete, "Delete a model permanently, after confirmation."
    )
    delete.add_argument("--yes", action="store_true", help="Delete without confirmation.")


def run_list(arguments: argparse.Namespace) -> None:
    """Print a line for each model; unreadable files are reported on standard error."""
    library = ModelLibrary()
    models, unreadable = [*library.models(), *shipped_models()], library.unreadable()
    if arguments.json:
        print_json(
            {
                "folder": library.folder,
                "models": [model.as_dict() for model in models],
                "broken": {str(path): reason for path, reason in unreadable.items()},
            }
        )
        return
    for line in _aligned([_row(model) for model in models]):
        print_line(line)
    for path, reason in unreadable.items():
        print_error("warning", f"{path}: {reason}")


def run_show(arguments: argparse.Namespace) -> None:
    """Print the details of a model."""
    model = ModelLibrary().find(arguments.model)
    if arguments.json:
        print_json(model.as_dict())
        return
    facts = model_facts(model, TrainingConfig().as_dict())
    for name, text in {"name": model.name, **facts, **_location(model)}.items():
        print_line(f"{name}: {text}")


def run_import(arguments: argparse.Namespace) -> None:
    """Copy weights into the library, unless they are there already."""
    library = ModelLibrary()
    known = library.find_copy_of(arguments.file)
    model = known or library.add(arguments.file, arguments.name, arguments.note)
    if arguments.json:
        print_json({**model.as_dict(), "is_new": known is None})
    elif known is None:
        print_line(f"imported: {model.name}")
    else:
        print_line(f"already in the library: {model.name}")


def run_rename(arguments: argparse.Namespace) -> None:
    """Rename a model."""
    _change(arguments, lambda library, model: library.rename(model, arguments.name))


def run_note(arguments: argparse.Namespace) -> None:
    """Write a note to a model."""
    _change(arguments, lambda library, model: library.annotate(model, arguments.text))


def run_export(arguments: argparse.Namespace) -> None:
    """Export a model to a file."""
    library = ModelLibrary()
    model = library.find(arguments.model)
    path = library.export(
        model,
        arguments.file,
        replace=arguments.replace,
        authors=arguments.authors,
        licence=arguments.licence,
    )
    if arguments.json:
        print_json({"model": model.as_dict(), "file": path})
    else:
        print_line(f"{model.name}: {path}")


def run_delete(arguments: argparse.Namespace) -> None:
    """Delete a model after confirmation.

    Raises
    ------
    ConfigError
        If there is neither a terminal to confirm nor ``--yes``.
    """
    library = ModelLibrary()
    model = library.find(arguments.model)
    # deleting a shipped model raises an error: no confirmation needed
    is_confirmed = arguments.yes or model.is_shipped or _confirm(model)
    if is_confirmed:
        library.delete(model)
    if arguments.json:
        print_json({"name": model.name, "path": model.path, "deleted": is_confirmed})
    else:
        print_line(f"{'deleted' if is_confirmed else 'kept'}: {model.name}")


def _add_for_model(
    actions: Any, name: str, run: Callable[[argparse.Namespace], None], help_text: str
) -> argparse.ArgumentParser:
    """Add a command about one model."""
    parser = add_action(actions, name, run, help_text)
    parser.add_argument(
        "model", metavar="MODEL", help="Name of the model, or the first digits of its hash."
    )
    return parser


def _add_export(actions: Any) -> None:
    parser = _add_for_model(actions, "export", run_export, "Export a model to a file.")
    parser.add_argument(
        "file",
        metavar="FILE",
        help="Target file. The extension chooses the format: .safetensors (the same bytes), .onnx "
        "(for other programs), .zip (BioImage Model Zoo).",
    )
    parser.add_argument(
        "--author",
        action="append",
        default=[],
        dest="authors",
        metavar="NAME",
        help="Author of the weights, for .onnx and .zip. May be repeated.",
    )
    parser.add_argument(
        "--licence",
        default=DEFAULT_LICENCE,
        metavar="SPDX",
        help="Licence of the weights, for .onnx and .zip (default: %(default)s).",
    )
    parser.add_argument("--replace", action="store_true", help="Replace an existing file.")


def _change(arguments: argparse.Namespace, change: Callable[[ModelLibrary, Model], Model]) -> None:
    library = ModelLibrary()
    model = change(library, library.find(arguments.model))
    if arguments.json:
        print_json(model.as_dict())
    else:
        print_line(f"{model.name}: {' '.join(model.note.split()) or 'no note'}")


def _confirm(model: Model) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError(
            f"deleting {model.name!r} is permanent, and there is no terminal to confirm; add --yes."
        )
    print(f"Delete {model.name!r} permanently? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _location(model: Model) -> dict[str, str]:
    return {"sha256": model.sha256, "file": str(model.path)}


def _row(model: Model) -> tuple[str, ...]:
    note = "weights of this package" if model.is_shipped else " ".join(model.note.split())
    created = "" if model.is_shipped else f"{model.created.astimezone():%Y-%m-%d}"
    return (
        model.name,
        created,
        model.focus_measure,
        model.achieved,
        model.sha256[:HASH_SHOWN],
        note,
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
