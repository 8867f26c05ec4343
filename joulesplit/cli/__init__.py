"""The command line: commands, options, wiring of real or simulated sensors, reports."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
