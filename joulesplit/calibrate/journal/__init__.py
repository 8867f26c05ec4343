"""The journal of a campaign: every finished window on disk at once, read, resumed, redacted."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
