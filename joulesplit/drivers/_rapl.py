"""Energy counters of x86 processors: ``/sys/class/powercap/intel-rapl:*``.

Interface: kernel documentation, power/powercap: ``energy_uj`` counts microjoules and wraps round
at ``max_energy_range_uj``. For development on a PC: processor packages only, no board, no radio.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers._polled_sensor import JOULE_PER_UJ, POWER_ONLY_VOLTAGE_V, PolledSensor
from joulesplit.drivers.errors import SensorUnavailableError
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import AccuracyTerm, Reading, ReadingFlag, SensorDescription

POWERCAP_ROOT = Path("/sys/class/powercap")
# Intel and AMD state none; published comparisons with meters agree within about this.
ASSUMED_SCALE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RaplDomain:
    """One energy counter.

    Attributes:
        directory: Its directory.
        name: What the kernel calls it, e.g. ``package-0``.
        range_uj: Where it wraps round, µJ.
    """

    directory: Path
    name: str
    range_uj: int


def find_packages(root: Path = POWERCAP_ROOT) -> tuple[RaplDomain, ...]:
    """Return the counters of whole processor packages under ``root``."""
    found = []
    for directory in sorted(root.glob("intel-rapl:*")):
        name_file = directory / "name"
        if name_file.is_file() and (name := name_file.read_text().strip()).startswith("package"):
            range_uj = int((directory / "max_energy_range_uj").read_text())
            found.append(RaplDomain(directory=directory, name=name, range_uj=range_uj))
    return tuple(found)


class RaplSensor(PolledSensor):
    """Mean power of all processor packages since the previous reading.

    Args:
        clock: Time.
        interval_s: From one reading to the next, s; the counters step about every millisecond.
        root: Where the counters are.
    """

    def __init__(
        self, *, clock: Clock, interval_s: float = 0.05, root: Path = POWERCAP_ROOT
    ) -> None:
        super().__init__(clock=clock, interval_s=interval_s)
        self._root = root
        self._domains: tuple[RaplDomain, ...] = ()

    @property
    def description(self) -> SensorDescription:
        """What the sensor measures and how good it is; final once the sensor is open."""
        return SensorDescription(
            kind="rapl",
            name="processor energy counters (RAPL)",
            rail="processor packages",
            includes="processor packages only: no memory modules, board, disk, screen or radio",
            simulated=False,
            modelled=True,
            cycle_s=self._interval_s,
            observed_fraction=1.0,
            voltage_resolution_v=POWER_ONLY_VOLTAGE_V,
            current_resolution_a=JOULE_PER_UJ / self._interval_s,
            full_scale_a=float("inf"),
            accuracy=(
                AccuracyTerm(
                    name="counter scale",
                    kind="scale",
                    half_width=ASSUMED_SCALE,
                    distribution="rectangular",
                    source="assumed: the makers state no bound",
                ),
            ),
            settings={"domains": self._domain_names, "power_only": True},
        )

    @property
    def _domain_names(self) -> str:
        return ", ".join(domain.name for domain in self._domains)

    def _open(self) -> None:
        self._domains = find_packages(self._root)
        if not self._domains:
            raise SensorUnavailableError(
                f"no processor energy counters in {self._root}; they need an x86 processor and "
                "the module intel_rapl_common: use another sensor"
            )
        self._counts_uj = self._count()
        self._counted_ns = self._clock.now_ns()

    def _sample(self, flags: ReadingFlag) -> Reading:
        counts_uj, now_ns = self._count(), self._clock.now_ns()
        steps_uj = tuple(
            (now - before) % (domain.range_uj + 1)
            for domain, now, before in zip(self._domains, counts_uj, self._counts_uj, strict=True)
        )
        duration_s = (now_ns - self._counted_ns) / NS_PER_S
        self._counts_uj, self._counted_ns = counts_uj, now_ns
        # The counters go on counting while nobody reads: a late reading is a longer mean, no gap.
        return Reading(
            t_ns=now_ns,
            raw=steps_uj,
            voltage_v=POWER_ONLY_VOLTAGE_V,
            current_a=sum(steps_uj) * JOULE_PER_UJ / duration_s / POWER_ONLY_VOLTAGE_V,
            flags=flags & ~ReadingFlag.GAP_BEFORE,
        )

    def _count(self) -> tuple[int, ...]:
        try:
            return tuple(
                int((domain.directory / "energy_uj").read_text()) for domain in self._domains
            )
        except OSError as error:
            raise SensorUnavailableError(
                f"the energy counters in {self._root} cannot be read ({error.strerror}); only "
                f"root may: sudo chmod a+r {self._root}/intel-rapl:*/energy_uj"
            ) from error
