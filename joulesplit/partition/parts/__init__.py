"""Head, tail and blocks as files of their own, with their manifests."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
