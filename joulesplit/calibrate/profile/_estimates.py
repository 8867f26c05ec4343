"""What a profile keeps of the estimates beyond the headline figures. Frozen plain data, a leaf.

Every record here is optional in a profile: files written before it was known stay valid.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from joulesplit.calibrate.profile._quantity import Account, GrossNet, Quantity, in_unit

Method = Literal["weighted", "ordinary", "huber", "without-outliers"]
"""How the windows were weighted in a fit."""
OperatorClass = Literal["convolution", "depthwise", "dense", "other"]
"""Operators whose energy per FLOP is fitted together."""
Treatment = Literal["in-scatter", "bounded", "in-idle", "in-interval"]


class EstimateView(msgspec.Struct, frozen=True, kw_only=True):
    """One figure as another method gives it, from the same windows; statistics only.

    Attributes:
        figure: Which figure, e.g. ``E_d net``.
        method: ``weighted`` is the one the profile states, ``ordinary`` gives every window the
            same weight, ``huber`` turns outliers down, ``without-outliers`` leaves the flagged
            windows out.
        value: In ``unit``.
        ci95: 95 % interval from the method's own statistics; None where the windows are too few
            to tell it, as a few long uploads decide the ordinary fit.
        bootstrap_ci95: The same from resampling runs of neighbouring windows.
        windows: Windows used.
    """

    figure: str
    method: Method
    value: float
    unit: str
    ci95: tuple[float, float] | None
    bootstrap_ci95: tuple[float, float] | None
    windows: int


class CampaignError(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign leaves open of the energies of one kind of work, in their ``u_sys``.

    It is one factor of all energies of that kind, and independent of other kinds' (see
    ``docs/uncertainty.md``).

    Attributes:
        net_u_rel: Of net energies, relative standard uncertainty.
        gross_u_rel: Of gross ones, likewise.
    """

    net_u_rel: float
    gross_u_rel: float

    def of(self, account: Account) -> float:
        """Return the relative standard uncertainty of the energies of an account.

        Args:
            account: Whether the idle power is in the energies.
        """
        return self.net_u_rel if account == "net" else self.gross_u_rel


class ClassCost(msgspec.Struct, frozen=True, kw_only=True):
    """Net energy per FLOP of one class of operators.

    Attributes:
        operator_class: Operators that do the same kind of work.
        flop: Work of this class in the network, FLOP.
        energy_j_per_flop: Its coefficient, J/FLOP.
    """

    operator_class: OperatorClass
    flop: int
    energy_j_per_flop: Annotated[Quantity, in_unit("J/FLOP")]


class ClassFit(msgspec.Struct, frozen=True, kw_only=True):
    """e_l = Σ_c N_lc · j_c over the blocks, in relative terms, and how well it predicts.

    Attributes:
        classes: Costs by class; empty if the blocks cannot tell the classes apart.
        leave_one_out_rms: Root mean square of (predicted − measured) / measured with the block
            itself left out of the fit.
        leave_one_out_worst: Largest of them by size, with its sign.
        worst_block: l of it.
        constant_e_d_rms: The same for one J/FLOP for all classes, for comparison.
        advice: What speaks against using the costs; empty if nothing does.
    """

    classes: tuple[ClassCost, ...]
    leave_one_out_rms: float
    leave_one_out_worst: float
    worst_block: int
    constant_e_d_rms: float
    advice: str = ""


class RateCost(msgspec.Struct, frozen=True, kw_only=True):
    """E_c at one measured rate, by the same fit as the stated one."""

    rate_bit_per_s: float
    e_c_bit_per_j: Annotated[GrossNet, in_unit("bit/J")]


class LinkDiagnostics(msgspec.Struct, frozen=True, kw_only=True):
    """How well E = E_0 + P_air · airtime + e_bit · bits describes the upload windows.

    Attributes:
        r_squared: 1 − residual over total sum of squares, weighted, net energy.
        windows: In the fit.
        largest_residual: Largest studentised residual by size.
        autocorrelation: Of neighbouring residuals in order of time.
        lack_of_fit_p: Probability of deviations from the plane as large as these if it were
            true, from an F test against repeats of one size and rate; None without repeats.
    """

    r_squared: float
    windows: int
    largest_residual: float
    autocorrelation: float
    lack_of_fit_p: float | None


class WindowTerm(msgspec.Struct, frozen=True, kw_only=True):
    """One uncertainty of a single window, for the shortest window of work.

    Attributes:
        standard_uncertainty: Relative to the net energy of that window.
        treatment: ``in-scatter`` terms already show in the scatter of the windows and are not
            added again; ``in-interval`` ones do not, and are in the intervals of the figures;
            ``bounded`` ones are checked against a limit; ``in-idle`` ones are part of the idle
            power by definition.
        source: Formula and where it is from.
        correlation: Every window draws an ``independent`` term anew; one ``common`` to windows
            of a kind is the same in all of them.
        degrees_of_freedom: Behind a term that few windows tell, which is therefore stated wider by
            Student's factor over the normal one; None where it is known without limit.
    """

    name: str
    standard_uncertainty: float
    treatment: Treatment
    source: str
    correlation: Literal["independent", "common"] = "independent"
    degrees_of_freedom: float | None = None
