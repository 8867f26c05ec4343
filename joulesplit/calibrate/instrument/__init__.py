"""The instrument that runs a campaign: network, link and phases as workloads."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
