"""A `.tflite` network as operators, tensors, blocks and cuts; FLOPs; sub-networks."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
