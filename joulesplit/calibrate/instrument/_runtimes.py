"""Do both sides of a split run on the same interpreter? Told before anything is measured."""

from __future__ import annotations

from joulesplit.calibrate.profile import Runtime
from joulesplit.edge import TailRuntime


def runtime_difference(device: Runtime, server: TailRuntime | None) -> str | None:
    """Return in one sentence how the tails' runtime differs from the heads', and what to do.

    Threads are the server's own business: they change no result, and no energy of the device but
    what it idles.

    Args:
        device: What runs heads here.
        server: What the server says of itself; None if it does not.

    Returns:
        None if nothing that computes results differs.
    """
    if server is None:
        return (
            "the server does not tell what runs its tails: if results differ, install the same "
            "JouleSplit and runtime on both machines"
        )
    if (device.name, device.version) != (server.name, server.version):
        cure = "install the same runtime on both machines"
    elif device.xnnpack != server.xnnpack:
        option = "--xnnpack" if device.xnnpack else "--no-xnnpack"
        cure = f"start it with `joulesplit serve {option}`"
    else:
        return None
    return (
        f"the server runs tails on {_named(server)}, this device its heads on {_named(device)}, "
        f"which may give other results: {cure}"
    )


def _named(runtime: Runtime | TailRuntime) -> str:
    delegate = "with" if runtime.xnnpack else "without"
    return f"{runtime.name} {runtime.version} {delegate} XNNPACK"
