from ._choose import make_objective as make_objective
from ._objective import Objective as Objective
from ._objective import ValidationExample as ValidationExample
from ._render import validation_distribution as validation_distribution
