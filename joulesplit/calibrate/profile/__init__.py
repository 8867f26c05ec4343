"""The device profile: the data contract between the rooms; read, written, compared, merged.

The contract is ``_device_profile`` and the parts that it names. ``_io`` reads and writes files,
``_units`` holds them to the contract's units and ``_upgrade`` brings older ones up to it; ``_diff``
and ``_figures`` compare, ``_merge``, ``_agreement``, ``_pooling`` and ``_parts`` pool, ``_redact``
takes out what is personal.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
