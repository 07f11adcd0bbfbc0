"""The details of a model, as text that can be copied."""

from html import escape

from qtpy.QtGui import QTextOption
from qtpy.QtWidgets import QFrame, QTextEdit

from napari_umis_fusion.models.library import Model, model_facts
from napari_umis_fusion.training import TrainingConfig

NOTHING = "Select a model to see its details."
_MIN_HEIGHT_PX = 120


class ModelDetails(QTextEdit):
    """Text with the details of one model."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setAccessibleName("details of the model")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setMinimumHeight(_MIN_HEIGHT_PX)
        self.show_model(None)

    def show_model(self, model: Model | None) -> None:
        """Show the details of a model; its hash appears once it is computed."""
        if model is None:
            self.setPlainText(NOTHING)
            return
        facts = {
            **model_facts(model, TrainingConfig().as_dict()),
            "SHA-256": model.known_sha256 or "…",
            "file": str(model.path),
        }
        note = facts.pop("note", "")
        lines = [f"<b>{escape(model.name)}</b>", *([f"<i>{escape(note)}</i>"] if note else [])]
        lines += [f"{escape(name)}: {escape(text)}" for name, text in facts.items()]
        self.setHtml("".join(f"<div>{line}</div>" for line in lines))
