"""Recorded readings: CSV and Parquet files with the same columns and the same header."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
