"""A calibration and a validation as the commands run them, on a network and a link made ready."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
