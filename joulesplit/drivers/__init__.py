"""Power sensors: talk to them, and say how good each reading is. Knows nothing of networks."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
