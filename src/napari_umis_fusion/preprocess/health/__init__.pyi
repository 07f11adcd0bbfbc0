from ._inspect import PlaneReport as PlaneReport
from ._inspect import iter_reports as iter_reports
from ._plane_health import PlaneHealth as PlaneHealth
from ._plane_health import notes_on as notes_on
from ._plane_screen import PlaneScreen as PlaneScreen
from ._sound_stack import SoundStack as SoundStack
from ._sound_stack import screened as screened
from ._stand_in import StandInStack as StandInStack
