"""What the power monitors of the INA2xx family have in common: driver, accuracy, corrections."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
