"""Confirm an action before something is lost."""

from qtpy.QtWidgets import QMessageBox, QWidget


def confirm(parent: QWidget, question: str, action: str) -> bool:
    """Ask the user to confirm an action; Cancel is the default.

    Parameters
    ----------
    parent : QWidget
        Window below the question.
    question : str
        The question.
    action : str
        Text of the button that confirms.

    Returns
    -------
    bool
        Whether the user has confirmed.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("UMIS Fusion")
    box.setText(question)
    yes = box.addButton(action, QMessageBox.ButtonRole.AcceptRole)
    no = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(no)
    box.exec()
    answer = box.clickedButton() is yes
    box.deleteLater()  # its parent would keep it otherwise
    return answer
