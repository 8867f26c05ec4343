from __future__ import annotations

from math import hypot

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.errors import ProfileMergeError
from joulesplit.calibrate.estimates import quantity
from joulesplit.calibrate.profile import (
    BudgetTerm,
    Check,
    EncodingEnergy,
    EstimateView,
    GrossNet,
    HeadEnergy,
    OffLine,
    ProfileToPool,
    Quality,
    Quantity,
    StoredProfile,
    Tool,
    UploadCosts,
    UploadTail,
    left_out_of_merge,
    merge_profiles,
    profile_bytes,
)
from joulesplit.calibrate.profile._agreement import CONTRADICTION_P
from joulesplit.calibrate.profile._figures import Statistics
from joulesplit.calibrate.profile._io import parse_profile
from joulesplit.calibrate.profile._pooling import agreement_probability
from joulesplit.drivers.readings import AccuracyTerm
from joulesplit.metrology import Estimate, budget_of

TOOL = Tool(name="joulesplit", version="0.1.0")


def merge(*profiles):
    candidates = [
        ProfileToPool(name=f"p{number}.json", sha256=f"{number}" * 64, profile=profile)
        for number, profile in enumerate(profiles)
    ]
    return merge_profiles(candidates, created="2026-11-23T00:00:00+00:00", tool=TOOL)


def changed(profile, part, **fields):
    return msgspec.structs.replace(
        profile, **{part: msgspec.structs.replace(getattr(profile, part), **fields)}
    )


def net(profile, index=0):
    return profile.compute.blocks[index].energy_j.net


def test_equal_measurements_shrink_the_scatter_and_leave_what_is_systematic(make_measured):
    one = make_measured(dof=1000)
    pooled = net(merge(one, one, one, one))

    assert pooled.value == pytest.approx(net(one).value)
    assert pooled.u_stat == pytest.approx(net(one).u_stat / 2, rel=0.01)
    assert pooled.u_sys == pytest.approx(net(one).u_sys)
    assert pooled.n == 4 * net(one).n


@pytest.mark.parametrize("dof", [5, 500])
def test_the_interval_of_merged_profiles_is_that_of_their_scatter_and_one_bound(make_measured, dof):
    """Merging leaves a bound as it is: 95 % of it where it is all, Student's t where it is not."""
    term = AccuracyTerm(
        name="shunt", kind="scale", half_width=0.01, distribution="rectangular", source="test"
    )
    stored = BudgetTerm(
        name="shunt", kind="scale", standard_uncertainty=term.standard_uncertainty,
        source="test", distribution="rectangular",
    )  # fmt: skip
    estimate = Estimate(value=2.0, u_stat=0.004, degrees_of_freedom=dof, n=dof + 1)
    profile = changed(make_measured(), "idle", power_w=quantity(estimate, "W", budget_of((term,))))
    profile = changed(profile, "sensor", budget=(stored,), scale_u_rel=term.standard_uncertainty)

    found = merge(*[profile] * 4).idle.power_w

    expected = Estimate(
        value=2.0, u_stat=found.u_stat, degrees_of_freedom=found.degrees_of_freedom, n=found.n
    )
    assert found.ci95 == pytest.approx(quantity(expected, "W", budget_of((term,))).ci95, rel=1e-6)
    assert found.ci95[1] - found.ci95[0] < 3.6 * hypot(found.u_stat, found.u_sys)


def test_weights_are_inverse_variances(make_measured):
    """σ 1:2 gives weights 0.8 and 0.2, and a scatter of √0.8 of the better one."""
    better = make_measured(u_rel=0.002, dof=10_000)
    worse = make_measured(u_rel=0.004, dof=10_000, block_j=(0.0201, 0.0301))
    merged = merge(better, worse)

    assert [source.compute_weight for source in merged.merged] == pytest.approx([0.8, 0.2], 0.01)
    assert net(merged).value == pytest.approx(0.8 * 0.02 + 0.2 * 0.0201, rel=1e-5)
    assert net(merged).u_stat == pytest.approx(0.8**0.5 * net(better).u_stat, rel=0.01)


def test_what_holds_between_the_figures_of_a_profile_holds_after_merging(make_measured):
    merged = merge(
        make_measured(), make_measured(u_rel=0.003, block_j=(0.02004, 0.03005), air_w=0.501)
    )
    blocks, fit = merged.compute.blocks, merged.link.uplink.fit
    flop = sum(block.flop for block in blocks)

    for account in ("net", "gross"):
        total_j = sum(getattr(block.energy_j, account).value for block in blocks)
        e_d = getattr(merged.compute.e_d_flop_per_j, account)
        assert e_d.value == pytest.approx(flop / total_j, rel=1e-12)
        assert e_d.unit == "FLOP/J"
        assert e_d.ci95[0] < e_d.value < e_d.ci95[1]
    bit_j = fit.air_power_w.value / 20e6 + fit.bit_energy_j.value
    assert merged.link.uplink.e_c_bit_per_j.net.value == pytest.approx(1 / bit_j, rel=1e-12)
    assert merged.compute.covariance_j2[0] == pytest.approx(net(merged).u_stat ** 2)
    assert fit.covariance[1][1] == pytest.approx(fit.air_power_w.u_stat**2)


def test_intervals_of_merged_profiles_hold_the_truth(make_measured):
    """The scale is one for all profiles of a campaign; scatter and its size are drawn anew."""
    random = np.random.default_rng(3)
    trials, dof = 500, 8
    inside = {"e_1": 0, "E_d": 0}
    for _ in range(trials):
        scale = 1 + 0.001 * random.standard_normal()
        profiles = []
        for sigma in (0.002, 0.003, 0.005):
            energies = 0.02 * (1 + sigma * random.standard_normal(2)) * scale
            estimated = sigma * float(np.sqrt(random.chisquare(dof) / dof))
            profiles.append(
                make_measured(
                    block_j=tuple(map(float, energies)), u_rel=estimated, dof=dof, scale_u=0.001
                )
            )
        try:
            merged = merge(*profiles)
        except ProfileMergeError:
            continue
        e_d = merged.compute.e_d_flop_per_j.net
        inside["e_1"] += net(merged).ci95[0] <= 0.02 <= net(merged).ci95[1]
        inside["E_d"] += e_d.ci95[0] <= 10_000_000 / 0.04 <= e_d.ci95[1]
    # 0.95 ± 3 standard deviations of a binomial of 500, less what the refusals may take
    assert all(0.92 <= count / trials <= 0.98 for count in inside.values()), inside


def test_other_methods_views_are_of_one_run_and_do_not_carry_over(make_measured):
    one = make_measured()
    view = EstimateView(
        figure="e_1 net", method="ordinary", value=0.02, unit="J", ci95=(0.019, 0.021),
        bootstrap_ci95=None, windows=60,
    )  # fmt: skip
    blocks = tuple(msgspec.structs.replace(block, views=(view,)) for block in one.compute.blocks)

    merged = merge(changed(one, "compute", blocks=blocks, views=(view,)), one)

    assert [block.views for block in merged.compute.blocks] == [(), ()]
    assert merged.compute.views == ()


def test_counts_add_up_and_the_worst_check_is_kept(make_measured):
    warned = Check(name="lost", value=0.02, limit=0.01, unit="1", outcome="warn", advice="mend")
    suspect = make_measured(quality=Quality(verdict="suspect", checks=(warned,)))
    merged = merge(make_measured(), suspect)

    assert merged.sampling.readings == 2000
    assert merged.quality.verdict == "suspect"
    assert merged.quality.checks[0] == warned
    assert merged.quality.checks[-1].name == "profiles-agree"
    assert merge(make_measured(), make_measured()).quality.verdict == "valid"


def test_a_merged_profile_is_a_profile_that_says_what_it_was_pooled_from(make_measured):
    merged = merge(make_measured(), make_measured(created="2026-11-23T08:00:00+00:00"))
    again = parse_profile(profile_bytes(StoredProfile(profile=merged)), "merged").profile

    assert again == merged
    assert [source.sha256 for source in merged.merged] == ["0" * 64, "1" * 64]


@pytest.mark.parametrize(
    ("part", "fields", "field"),
    [
        ("device", {"board": "Raspberry Pi 5"}, "device.board"),
        ("device", {"governor": "ondemand"}, "device.governor"),
        ("device", {"hostname": "attic-pi"}, "device.hostname"),
        ("device", {"wifi_power_save": "on"}, "device.wifi_power_save"),
        ("sensor", {"settings": {"shunt_ohm": 0.05}}, "sensor.settings.shunt_ohm"),
        ("sensor", {"name": "INA219 at 0x41 on bus 1"}, "sensor.name"),
        ("compute", {"flop_convention": "1mac"}, "compute.flop_convention"),
        ("link", {"interface": "eth0"}, "link.interface"),
        ("link", {"kind": "ethernet"}, "link.kind"),
    ],
)
def test_profiles_of_other_things_are_refused_by_the_field_that_differs(
    make_measured, part, fields, field
):
    with pytest.raises(ProfileMergeError, match=rf"they differ in {field};") as refused:
        merge(make_measured(), changed(make_measured(), part, **fields))
    assert "\n" not in str(refused.value)


def test_another_network_runtime_or_rate_is_refused(make_measured):
    one = make_measured()
    model = msgspec.structs.replace(one.compute.model, sha256="cd" * 32)
    runtime = msgspec.structs.replace(one.compute.runtime, threads=4)

    with pytest.raises(ProfileMergeError, match=r"compute\.model\.sha256"):
        merge(one, changed(one, "compute", model=model))
    small, large = (
        changed(one, "compute", model=msgspec.structs.replace(one.compute.model, input_shapes=s))
        for s in ({"image": (1, 8, 8, 3)}, {"image": (1, 9, 9, 3)})
    )
    with pytest.raises(ProfileMergeError, match=r"compute\.model\.input_shapes"):
        merge(small, large)
    assert len(merge(small, one).merged) == 2
    with pytest.raises(ProfileMergeError, match=r"compute\.runtime"):
        merge(one, changed(one, "compute", runtime=runtime))
    with pytest.raises(ProfileMergeError, match="rate_bit_per_s"):
        merge(one, make_measured(rate_bit_per_s=5e6))
    with pytest.raises(ProfileMergeError, match="differ in simulated"):
        merge(one, make_measured(simulated=True))
    with pytest.raises(ProfileMergeError, match=r"link\.interface"):
        merge(one, make_measured(link=None))


def test_a_redacted_profile_is_no_other_device(make_measured):
    assert merge(make_measured(), changed(make_measured(), "device", hostname=None))


def test_what_may_not_be_pooled_at_all_is_refused(make_measured):
    rejected = make_measured(quality=Quality(verdict="rejected", checks=()))
    bare = msgspec.structs.replace(make_measured().idle.power_w, u_stat=None)

    with pytest.raises(ProfileMergeError, match="two or more"):
        merge(make_measured())
    with pytest.raises(ProfileMergeError, match=r"quality\.verdict is rejected"):
        merge(make_measured(), rejected)
    with pytest.raises(ProfileMergeError, match="sensor is missing"):
        merge(make_measured(), make_measured(sensor=None))
    with pytest.raises(ProfileMergeError, match="P_0 idle states no statistical"):
        merge(make_measured(), changed(make_measured(), "idle", power_w=bare))


def test_the_same_windows_count_once(make_measured):
    merged = merge(make_measured(), make_measured())
    again = ProfileToPool(name="merged.json", sha256="f" * 64, profile=merged)
    part = ProfileToPool(name="p1.json", sha256="1" * 64, profile=make_measured())

    with pytest.raises(ProfileMergeError, match=r"p1\.json is in the merge twice"):
        merge_profiles([again, part], created="2026-11-24T00:00:00+00:00", tool=TOOL)


def test_profiles_that_contradict_each_other_are_refused_with_figure_and_limit(make_measured):
    """3 % apart at 0.2 % each is no scatter; the scale of one sensor cannot explain it."""
    with pytest.raises(ProfileMergeError, match=f"contradict each other in .*{CONTRADICTION_P:g}"):
        merge(make_measured(), make_measured(block_j=(0.0206, 0.03)))
    assert merge(make_measured(), make_measured(block_j=(0.02004, 0.03)))


def test_profiles_are_refused_from_a_probability_of_one_in_a_thousand_on(make_measured):
    def merged(apart):
        return merge(make_measured(), make_measured(block_j=(0.02 * (1 + apart), 0.03)))

    near, far = 0.0, 0.03
    while far - near > 1e-7:
        middle = (near + far) / 2
        try:
            merged(middle)
            near = middle
        except ProfileMergeError:
            far = middle

    (check,) = (c for c in merged(near).quality.checks if c.name == "profiles-agree")
    assert check.value == pytest.approx(1e-3, rel=1e-2)
    assert check.outcome == "pass"


def test_times_that_differ_more_than_their_scatter_are_pooled_with_the_scatter_they_show(
    make_measured,
):
    """Run times repeat to 0.01 % within a campaign, and not so well between campaigns."""
    one, other = make_measured(dof=1000), make_measured(dof=1000)
    first, second = other.compute.blocks
    shifted = msgspec.structs.replace(
        first, latency_s=msgspec.structs.replace(first.latency_s, value=0.0404)
    )
    pooled = merge(one, changed(other, "compute", blocks=(shifted, second))).compute.blocks

    assert pooled[0].latency_s.value == pytest.approx(0.0402)
    assert pooled[0].latency_s.u_stat == pytest.approx(0.0002, rel=0.01)
    assert pooled[1].latency_s.u_stat == pytest.approx(0.06e-4 / 2**0.5, rel=0.01)


def with_extras(profile, head_j, ratio):
    """Return a profile that also has a head, the ratio of its efficiencies and what is dropped."""
    block = profile.compute.blocks[0]
    energy = msgspec.structs.replace(net(profile), value=head_j)
    head = HeadEnergy(
        last_block=1,
        energy_j=GrossNet(gross=block.energy_j.gross, net=energy),
        latency_s=block.latency_s,
        net_over_blocks=0.9,
    )
    quotient = Quantity(
        value=ratio, unit="FLOP/bit", ci95=(ratio - 1, ratio + 1), u_stat=0.4, u_sys=0.1, n=40
    )
    tail = UploadTail(energy_j=net(profile), duration_s=0.2)
    made = EncodingEnergy(
        encoding="uint8", block=0, energy_j=head.energy_j, latency_s=block.latency_s
    )
    extended = changed(profile, "compute", heads=(head,), encodings=(made,))
    uplink = msgspec.structs.replace(profile.link.uplink, tail=tail)
    extended = changed(extended, "link", uplink=uplink)
    return msgspec.structs.replace(
        extended, e_d_over_e_c_flop_per_bit=GrossNet(gross=quotient, net=quotient)
    )


def test_heads_are_pooled_and_the_ratio_follows_from_the_pooled_figures(make_measured):
    merged = merge(
        with_extras(make_measured(), 0.0180, 8.0), with_extras(make_measured(), 0.01801, 8.1)
    )
    e_d, e_c = merged.compute.e_d_flop_per_j.net, merged.link.uplink.e_c_bit_per_j.net
    ratio = merged.e_d_over_e_c_flop_per_bit.net

    assert merged.compute.heads[0].energy_j.net.value == pytest.approx(0.018005)
    assert ratio.value == pytest.approx(e_d.value / e_c.value, rel=1e-12)
    assert ratio.u_stat / ratio.value == pytest.approx(
        hypot(e_d.u_stat / e_d.value, e_c.u_stat / e_c.value)
    )
    # The scale of the sensor is in E_d and E_c and not in their quotient.
    assert ratio.u_sys / ratio.value == pytest.approx(0.1 / 8.0)
    assert merged.link.uplink.tail is None
    one = merge(with_extras(make_measured(), 0.018, 8.0), make_measured())
    assert (one.compute.heads, one.e_d_over_e_c_flop_per_bit) == ((), None)
    # What making bytes costs is pooled as heads are.
    (made,) = merged.compute.encodings
    assert (made.encoding, made.energy_j) == ("uint8", merged.compute.heads[0].energy_j)
    assert one.compute.encodings == ()


def part(u_stat, dof):
    return Statistics(u_stat=u_stat, degrees_of_freedom=dof, u_scale=0.0, u_rest=0.0)


def with_stated(profile, *, sizes=(640, 3200, 9600), rate_bit_per_s=20e6, off=True):
    """Return a profile whose uploads went unpaced, with what they cost by their own windows."""
    uplink = profile.link.uplink
    bit, fixed = uplink.fit.bit_energy_j, uplink.fit.upload_cost_j
    bit_j = 1 / uplink.e_c_bit_per_j.net.value
    scatter = [fixed.u_stat**2, bit.u_stat**2, *([fixed.u_stat**2] if off else [])]
    costs = UploadCosts(
        upload_cost_j=fixed,
        bit_energy_j=msgspec.structs.replace(bit, value=bit_j),
        covariance=tuple(map(tuple, np.diag(scatter).tolist())),
        payload_bits=sizes,
        off_line=(OffLine(payload_bits=3200, energy_j=fixed),) if off else (),
    )
    uplink = msgspec.structs.replace(
        uplink, stated=costs, stated_gross=costs, unpaced=True, rate_bit_per_s=rate_bit_per_s
    )
    return changed(profile, "link", uplink=uplink)


def test_what_uploads_cost_by_their_own_windows_is_pooled_where_all_tell_the_same(make_measured):
    """It was that of the newest, beside an E_c of all of them."""
    one = with_stated(make_measured(dof=1000))
    two = with_stated(make_measured(bit_j=1.502e-8, dof=1000), rate_bit_per_s=20.4e6)
    merged = merge(one, two)
    uplink = merged.link.uplink

    for costs in (uplink.stated, uplink.stated_gross):
        assert costs.bit_energy_j.value == pytest.approx(1 / uplink.e_c_bit_per_j.net.value)
        assert costs.payload_bits == (640, 3200, 9600)
        (off,) = costs.off_line
        assert off.energy_j.u_stat == pytest.approx(costs.covariance[2][2] ** 0.5)
        assert off.energy_j.u_stat < one.link.uplink.stated.off_line[0].energy_j.u_stat
    assert 20e6 < uplink.rate_bit_per_s < 20.4e6
    assert left_out_of_merge([one, two]) == ()


@pytest.mark.parametrize("others", [{"off": False}, {"sizes": (640, 3200, 6400)}])
def test_what_uploads_cost_of_other_sizes_is_left_out_and_named(make_measured, others):
    profiles = [with_stated(make_measured()), with_stated(make_measured(), **others)]
    uplink = merge(*profiles).link.uplink
    assert uplink.stated is uplink.stated_gross is None
    (what,) = left_out_of_merge(profiles)
    assert "what uploads cost at the pace of E_c" in what


def test_links_that_took_another_rate_are_not_pooled(make_measured):
    """A measured rate differs from day to day; before, any difference was refused."""
    slow = with_stated(make_measured(), rate_bit_per_s=18e6)
    with pytest.raises(ProfileMergeError, match=r"differ in link\.uplink\.rate_bit_per_s"):
        merge(with_stated(make_measured()), slow)


def test_two_values_agree_as_by_welch_s_t_test():
    """By hand: t = 3/√(1² + 2²), ν by Welch and Satterthwaite = 25/(1/10 + 16/10) = 14.7."""
    from scipy.special import stdtr

    found = agreement_probability([0.0, 3.0], [part(1.0, 10), part(2.0, 10)])

    assert found == pytest.approx(2 * stdtr(25 / 1.7, -3 / hypot(1, 2)))


def test_the_agreement_of_values_that_do_agree_is_even_between_nought_and_one():
    random = np.random.default_rng(11)
    dof, trials = 6, 2000
    probabilities = []
    for _ in range(trials):
        sigmas = np.array([1.0, 2.0, 3.0])
        values = sigmas * random.standard_normal(3)
        estimated = sigmas * np.sqrt(random.chisquare(dof, 3) / dof)
        probabilities.append(agreement_probability(values, [part(s, dof) for s in estimated]))
    for level in (0.05, 0.25, 0.5):
        share = np.mean(np.array(probabilities) < level)
        assert share == pytest.approx(level, abs=4 * (level * (1 - level) / trials) ** 0.5 + 0.01)
