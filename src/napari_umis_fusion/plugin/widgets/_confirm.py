"""Questions that need an answer before something is lost."""

from qtpy.QtWidgets import QMessageBox, QWidget


def confirm(parent: QWidget, question: str, do_it: str) -> bool:
    """Ask whether to do something; the answer that changes nothing is the default.

    Parameters
    ----------
    parent : QWidget
        Over which the question appears.
    question : str
        What would happen, in words.
    do_it : str
        Text of the button that does it.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("UMIS Fusion")
    box.setText(question)
    yes = box.addButton(do_it, QMessageBox.ButtonRole.AcceptRole)
    no = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(no)
    box.exec()
    answer = box.clickedButton() is yes
    box.deleteLater()
    return answer
