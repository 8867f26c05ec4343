"""What a profile says its campaign leaves open of each kind of work, by one account."""

from __future__ import annotations

from dataclasses import dataclass

from joulesplit.calibrate.profile import Account, CampaignError, DeviceProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Relative standard uncertainties that are in the figures' ``u_sys``; 0 if not told apart.

    Attributes:
        computing: Common to all energies of computing.
        uploads: Common to what bits, uploads and bursts cost.
        downloads: Common to what receiving costs.
        idle: Of P_0.
    """

    computing: float = 0.0
    uploads: float = 0.0
    downloads: float = 0.0
    idle: float = 0.0


def campaign_of(profile: DeviceProfile, account: Account) -> Campaign:
    """Take what the campaign leaves open out of a profile.

    Of a profile that does not tell it apart from the sensor's terms it stays with these, as one
    error that moves all energies the same way.
    """
    link, idle = profile.link, profile.idle
    idle_u_w = (idle.campaign_u_w or 0.0) if idle else 0.0
    return Campaign(
        computing=_share(profile.compute.campaign, account),
        uploads=_share(link.uplink.campaign if link else None, account),
        downloads=_share(link.downlink.campaign if link and link.downlink else None, account),
        idle=idle_u_w / idle.power_w.value if idle and idle.power_w.value > 0.0 else 0.0,
    )


def _share(error: CampaignError | None, account: Account) -> float:
    return error.of(account) if error else 0.0
