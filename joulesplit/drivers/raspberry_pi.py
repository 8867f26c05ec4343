"""What every Raspberry Pi does by its maker's account; one source for drivers and checks."""

from __future__ import annotations

UNDER_VOLTAGE_V = 4.63
"""At which it calls under-voltage and throttles (Raspberry Pi documentation, power supplies)."""

UNDER_VOLTAGE_TOLERANCE = 0.05
"""Of ``UNDER_VOLTAGE_V``, relative, either way."""

HOT_C = 80.0
"""It slows down from here on (Raspberry Pi documentation, frequency management)."""
