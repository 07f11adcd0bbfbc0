"""Which planes of a stack are not as the others: blank, torn, exposed otherwise, there twice.

Each plane is summed up in a small table of tiles as it is read, and judged by the tables of the
planes around it, a few planes later. Stacks whose planes are all sound are not changed to the bit.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
