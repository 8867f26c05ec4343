"""Run a split: the head here, the tail on the edge server, everything here when it is gone."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
