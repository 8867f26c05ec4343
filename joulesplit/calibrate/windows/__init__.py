"""Idle - work - idle windows: running one, its energy, and what the fits see of it."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
