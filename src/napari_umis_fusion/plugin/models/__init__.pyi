from ._events import library_changed as library_changed
from ._panel import ModelPanel as ModelPanel
from ._weights_choice import WeightsChoice as WeightsChoice
