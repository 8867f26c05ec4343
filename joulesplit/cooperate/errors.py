"""Errors of cooperative inference.

CooperationError
├── AnotherRuntimeError (RuntimeError)  the server computes with another runtime
└── PolicyMismatchError (ValueError)   the policy was made for another network
"""

from __future__ import annotations

__all__ = ["AnotherRuntimeError", "CooperationError", "PolicyMismatchError"]


class CooperationError(Exception):
    """Root of the errors of cooperative inference."""


class AnotherRuntimeError(CooperationError, RuntimeError):
    """The server computes with another runtime than this device, and may give other results."""


class PolicyMismatchError(CooperationError, ValueError):
    """The policy was made for another network than the one that is to be run."""
