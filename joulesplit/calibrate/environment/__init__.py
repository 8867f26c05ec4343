"""The machine that is measured: its board, clocks, network and state; setting and restoring it."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
