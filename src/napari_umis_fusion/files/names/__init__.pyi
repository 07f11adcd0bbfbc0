from ._arrange import arrange as arrange
from ._counts import counts as counts
from ._file_grid import FileGrid as FileGrid
from ._file_grid import NameAxis as NameAxis
from ._words import name_of_copied as name_of_copied
from ._words import says_thumbnail as says_thumbnail
