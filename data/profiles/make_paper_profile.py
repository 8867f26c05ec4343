"""Make ``paper.json`` beside this script: the constants of the paper as a device profile.

Run from the project's root: ``python data/profiles/make_paper_profile.py``.

Yun (2023) takes E_d = 1.22e8 FLOP/J (CPU of a Raspberry Pi at full load) and E_c = 2e6 bit/J
(Wi-Fi upload of the same at 2 Mbit/s) from PowerPi (Kaup et al., 2014). How they follow from
PowerPi's model is derived here, not stated in either text: about 0.21 GFLOP/s over about 1.76 W
of the whole board, and about 1 W of Wi-Fi at 2 Mbit/s. Both therefore count as gross, no
uncertainty is stated, and the verdict stays suspect.
"""

from __future__ import annotations

from pathlib import Path

from joulesplit.calibrate.checks import FLAG
from joulesplit.calibrate.profile import Check, Compute, Device, DeviceProfile, GrossNet, Link, Quality, Quantity, Tool, Uplink
from joulesplit.calibrate.profile import StoredProfile, save_profile

E_D_FLOP_PER_J = 1.22e8
E_C_BIT_PER_J = 2e6
RATE_BIT_PER_S = 2e6

REFERENCE = (
    'F. Kaup, P. Gottschling, D. Hausheer, "PowerPi: Measuring and modeling the power '
    'consumption of the Raspberry Pi", Proc. 39th Annual IEEE Conference on Local Computer '
    "Networks (LCN 2014), pp. 236-243, Edmonton, Canada, September 2014, "
    'doi:10.1109/LCN.2014.6925777; as used by S. Yun, "Energy-efficient artificial neural '
    'network inference based on neural network partitioning" (in Korean), 2023'
)


def _gross(value: float, unit: str) -> GrossNet:
    figure = Quantity(value=value, unit=unit, ci95=None, u_stat=None, u_sys=None, n=0)
    return GrossNet(gross=figure, net=None)


def paper_profile() -> DeviceProfile:
    """Return the paper's constants; a fact that neither text states is unknown."""
    return DeviceProfile(
        created="2026-11-22T00:00:00+00:00",
        tool=Tool(name="make_paper_profile", version="1"),
        source="literature",
        device=Device(
            board="Raspberry Pi (first generation)",
            machine="unknown",
            kernel="unknown",
            python="unknown",
            cpu_count=None,
            memory_bytes=None,
            governor=None,
            wifi_power_save=None,
        ),
        sensor=None,
        idle=None,
        compute=Compute(
            model=None,
            runtime=None,
            flop_convention="tensorflow-profiler",
            e_d_flop_per_j=_gross(E_D_FLOP_PER_J, "FLOP/J"),
        ),
        link=Link(
            interface="Wi-Fi",
            loopback=False,
            uplink=Uplink(
                rate_bit_per_s=RATE_BIT_PER_S, e_c_bit_per_j=_gross(E_C_BIT_PER_J, "bit/J")
            ),
        ),
        quality=Quality(
            verdict="suspect",
            checks=(
                Check(
                    name="provenance-confirmed",
                    value=1.0,
                    limit=0.0,
                    unit=FLAG,
                    outcome="warn",
                    advice="how these constants follow from PowerPi is derived, not confirmed; "
                    "no uncertainty is stated: calibrate your own device",
                ),
            ),
        ),
        simulated=False,
        reference=REFERENCE,
    )


if __name__ == "__main__":
    target = Path(__file__).with_name("paper.json")
    save_profile(target, StoredProfile(profile=paper_profile()))
