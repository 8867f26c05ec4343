"""The schema of `.tflite` files: its tables and enumerations, to read, change and write."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
