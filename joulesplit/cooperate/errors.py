"""Errors of cooperative inference.

CooperationError
└── PolicyMismatchError (ValueError)   the policy was made for another network
"""

from __future__ import annotations

__all__ = ["CooperationError", "PolicyMismatchError"]


class CooperationError(Exception):
    """Root of the errors of cooperative inference."""


class PolicyMismatchError(CooperationError, ValueError):
    """The policy was made for another network than the one that is to be run."""
