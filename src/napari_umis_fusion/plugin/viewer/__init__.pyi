from ._placing import BETWEEN_LAYERS_MS as BETWEEN_LAYERS_MS
from ._placing import PLACES as PLACES
from ._region import WHOLE_PLANE as WHOLE_PLANE
from ._region import region_bounds as region_bounds
from ._sliders import entries_shown as entries_shown
from ._sliders import go_to_plane as go_to_plane
from ._target import TargetStack as TargetStack
from ._target import target_in as target_in
