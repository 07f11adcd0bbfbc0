from ._folder_dialog import FolderDialog as FolderDialog
from ._shown_viewer import shown_viewer as shown_viewer
from ._single_images import SingleImages as SingleImages
