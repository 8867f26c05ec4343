"""Where a network can be cut, which cuts can win, and what makes a block."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
