"""Errors of the optimizer.

OptimizerError
├── InvalidInputError (ValueError)          a figure or a list of blocks nothing can be decided from
│   ├── InvalidConstraintError              a limit that makes no sense for this network
├── ProfileMismatchError (ValueError)       the profile's blocks belong to another network
├── ProfileUnusableError (ValueError)       the profile's figures may not or cannot be used
└── NoFeasibleSplitError (LookupError)      no split keeps all the limits
"""

from __future__ import annotations


class OptimizerError(Exception):
    """Root of every error the optimizer raises."""


class InvalidInputError(OptimizerError, ValueError):
    """A caller gave a figure or a list of blocks nothing can be decided from."""


class InvalidConstraintError(InvalidInputError):
    """A caller gave a limit that makes no sense for this network."""


class ProfileMismatchError(OptimizerError, ValueError):
    """Per-block energies were asked for, but the profile's belong to another network."""


class ProfileUnusableError(OptimizerError, ValueError):
    """The profile was rejected, lacks a figure, or holds one that cannot be true."""


class NoFeasibleSplitError(OptimizerError, LookupError):
    """No split keeps all the limits.

    Args:
        message: Which limits bind, and how far they would have to move.
        binding: Names of the limits that leave nothing.
    """

    def __init__(self, message: str, *, binding: tuple[str, ...]) -> None:
        super().__init__(message)
        self.binding = binding
