"""Profile, network and constraints in; split out. Pure: no I/O, runs anywhere."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
