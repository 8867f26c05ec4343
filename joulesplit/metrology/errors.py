"""Errors of ``metrology``.

::

    MetrologyError
    ├── UndeterminedError         the figures do not determine what is asked (ValueError)
    │   ├── TooFewObservationsError   no more observations than unknowns
    │   ├── UnusedFigureError         no observation depends on an unknown
    │   └── IndistinguishableError    observations in which unknowns vary together
    └── UnreadableQuantityError   a text is no number, or of another unit (ValueError)
"""

from __future__ import annotations


class MetrologyError(Exception):
    """Root of everything this package raises."""


class UndeterminedError(MetrologyError, ValueError):
    """The figures do not determine what is asked of them."""


class TooFewObservationsError(UndeterminedError):
    """There are no more observations than unknowns, so that nothing tells their scatter."""


class UnusedFigureError(UndeterminedError):
    """No observation depends on one of the unknowns."""


class IndistinguishableError(UndeterminedError):
    """Unknowns vary together in all observations."""


class UnreadableQuantityError(MetrologyError, ValueError):
    """A text is no number with the unit that was asked for."""
