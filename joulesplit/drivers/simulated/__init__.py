"""Simulated sensing hardware, written from the data sheet and independent of the drivers."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
