"""``joulesplit.calibrate`` as both that it is called: a package, and what measures a device."""

from __future__ import annotations

from types import ModuleType

TYPE_CHECKING = False
"""As in ``typing``, whose import would double what ``import joulesplit`` costs."""
if TYPE_CHECKING:
    from inspect import Signature
    from typing import Any

    from joulesplit.calibrate.profile import DeviceProfile


class CallableRoom(ModuleType):
    """The package ``joulesplit.calibrate``, which can be called to run a calibration."""

    def __call__(self, *args: Any, **options: Any) -> DeviceProfile:
        """Measure a device; see ``joulesplit._calibrating.calibrate``."""
        from joulesplit._calibrating import calibrate

        return calibrate(*args, **options)

    @property
    def __signature__(self) -> Signature:
        """What editors and ``inspect`` show."""
        from inspect import signature

        from joulesplit._calibrating import calibrate

        return signature(calibrate)
