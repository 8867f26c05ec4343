"""How a power sensor follows a known step of load: refresh period, delay, time constant."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
