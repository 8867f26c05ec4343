"""Single samples between two conversions: does any of those behind a mean stand at full scale?

The chip averages after its converter, so a mean below full scale may hold samples that were cut
off. Every ``PROBE_EVERY`` conversions the chip is set to convert single samples for a moment, and
the next conversion begins a random time later. So it also loses step with a load whose period
divides the cycle's, which would otherwise always hide the same part of itself in the bus
conversion.
"""

from __future__ import annotations

from math import inf
from random import Random

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers.ina2xx._chip import (
    CONFIGURATION_REGISTER,
    SHUNT_REGISTER,
    ChipSettings,
    signed,
)
from joulesplit.drivers.ina2xx._conversion_tracker import ConversionTracker
from joulesplit.drivers.ina2xx._register_link import RegisterLink
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import ReadingFlag

PROBE_EVERY = 256
"""Conversions from one look at single samples to the next: 0.58 s at the usual settings."""
SLOWEST = 1.15
"""Longest conversion over the typical one; the data sheet allows 1.10."""
BEGIN_BY = 0.2
"""Share of a period after the last end by which a probe begins: a late reader has no time left."""
END_BY = 0.42
"""Share of a period after the last end by which the next conversion begins, at the latest."""
PROBE_GAP = 0.5
"""A conversion that begins later is as if one before it had been lost."""


class PeakProbe:
    """A taker of single samples of one chip, now and then.

    Args:
        link: The chip.
        clock: Time.
        settings: What it is set to otherwise; the range stays.
        every: Conversions between two looks; 0 for none, as where single samples are read anyway.

    Attributes:
        due_in: Conversions until the next look; whoever reads them counts, see ``is_due``.
        peak_code: Largest magnitude of a single sample so far, steps of the shunt voltage.
        samples: How many there were.
    """

    def __init__(
        self,
        link: RegisterLink,
        clock: Clock,
        settings: ChipSettings,
        every: int,
    ) -> None:
        single_word = settings.single_word
        self._link = link
        self._clock = clock
        self._word = settings.word
        self._single_word = settings.word if single_word is None else single_word
        self._sample_ns = round(SLOWEST * settings.single_s * NS_PER_S)
        self._limit_code = settings.shunt_limit_code
        self._every = every if every and single_word is not None else inf
        # A generator of its own, so that nobody who seeds another one sets the pace.
        self._random = Random(link.address)
        self.due_in = self._every
        self.peak_code = 0
        self.samples = 0

    @property
    def words(self) -> tuple[int, int]:
        """Configurations that the chip is given: for readings, and for a look."""
        return self._word, self._single_word

    def is_due(self, tracker: ConversionTracker) -> bool:
        """Return whether there is time for a look at the chip tracked so, once ``due_in`` is 0."""
        return self._clock.now_ns() - tracker.end_ns < BEGIN_BY * tracker.period_ns

    def look(self, tracker: ConversionTracker, clearing: int) -> int | None:
        """Take single samples, and let the chip begin its next conversion at a random time.

        Args:
            tracker: Of its conversions.
            clearing: The register whose reading clears the ready bit.

        Returns:
            Flags of the next reading: a sample stood at full scale, or all took too long. None if
            the chip lost its configuration meanwhile.

        Raises:
            BusError: The bus failed.
        """
        self.due_in = self._every
        link, clock, end_ns = self._link, self._clock, tracker.end_ns
        deadline_ns = round(end_ns + END_BY * tracker.period_ns)
        link.write(CONFIGURATION_REGISTER, self._single_word)
        deadline_ns -= 2 * (link.ended_ns - link.started_ns)
        peak_code = self._sample(deadline_ns)
        left_ns = max(0, deadline_ns - clock.now_ns())
        wait_ns = self._random.random() * left_ns - tracker.late_ns
        clock.sleep_until_ns(clock.now_ns() + round(wait_ns))
        if not link.holds(self._single_word):
            return None
        link.write(CONFIGURATION_REGISTER, self._word)
        tracker.begin_anew(link.started_ns, link.ended_ns)
        link.read(clearing)
        self.peak_code = max(self.peak_code, peak_code)
        flags = ReadingFlag.SHUNT_CLIPPED.value if peak_code >= self._limit_code else 0
        if tracker.end_ns - end_ns > PROBE_GAP * tracker.period_ns:
            flags |= ReadingFlag.GAP_BEFORE.value
        return flags

    def _sample(self, until_ns: int) -> int:
        """Return the largest magnitude of the samples that fit, one at least."""
        peak_code = 0
        while True:
            # No ready bit is asked for: of what reads as single samples some would be stale.
            self._clock.sleep_until_ns(self._link.ended_ns + self._sample_ns)
            peak_code = max(peak_code, abs(signed(self._link.read(SHUNT_REGISTER))))
            self.samples += 1
            took_ns = self._sample_ns + self._link.ended_ns - self._link.started_ns
            if self._link.ended_ns + 2 * took_ns > until_ns:
                return peak_code
