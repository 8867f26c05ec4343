"""From a `.tflite` file to a network as data, with the shapes as they really are."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
