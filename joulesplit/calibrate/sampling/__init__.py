"""Reading a sensor all the time, in a process of its own or in virtual time."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
