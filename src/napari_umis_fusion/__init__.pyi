from .stack import Calibration as Calibration
from .stack import Stack as Stack
