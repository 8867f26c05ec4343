"""Measure joules per FLOP and joules per bit, and decide where to split a neural network.

    import joulesplit as js

    with js.EnergyMeter("ina219", shunt_ohm=0.1) as meter:
        with meter.window("work") as window:
            work()
    print(window.result)

    decision = js.decide("model.tflite", js.load_profile("profile.json"))
    print(decision)

Each name is imported when it is first used; the rooms behind them are ``joulesplit.drivers``,
``partition``, ``edge``, ``calibrate`` and ``optimizer``.
"""

import lazy_loader as lazy

from joulesplit import calibrate as _room
from joulesplit._callable_room import CallableRoom as _CallableRoom

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)

# The room and the function share the name ``calibrate``: one object is both, whatever is imported
# first, because Python imports this package before any room of it.
_room.__class__ = _CallableRoom
