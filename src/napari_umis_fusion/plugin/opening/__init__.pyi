from ._folder_dialog import FolderDialog as FolderDialog
from ._open_files import open_folder as open_folder
from ._open_files import open_planes as open_planes
from ._planes_question import PlanesQuestion as PlanesQuestion
from ._shown_viewer import shown_viewer as shown_viewer
from ._single_images import SingleImages as SingleImages
