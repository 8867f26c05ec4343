"""A decision in words: what a reader must know, why it won, what would change it."""

from __future__ import annotations

from collections.abc import Sequence

from joulesplit.calibrate.profile import DeviceProfile
from joulesplit.optimizer._constraints import Constraints
from joulesplit.optimizer._cost import NETWORK_CONVENTION, ComputeModel, Where
from joulesplit.optimizer._encoding import MadeBy, Making
from joulesplit.optimizer._hull import Crossover
from joulesplit.optimizer._link_cost import Sending
from joulesplit.optimizer._paper import UINT8_BITS, can_be_bytes, input_elements
from joulesplit.optimizer._result import Candidate, Decision, ModelChoice, PricedForm
from joulesplit.optimizer._robustness import TOO_CLOSE_PROBABILITY
from joulesplit.optimizer._texts import counted_text
from joulesplit.optimizer._usage import SentEncoded, Usage
from joulesplit.partition import AS_IS, Network

_WHERE: dict[Where, str] = {
    "device": "Running everything on the device",
    "split": "Splitting",
    "server": "Uploading the input{form} and running everything on the server",
}

_MODEL: dict[ComputeModel, str] = {
    "heads": "The measured heads",
    "blocks": "The sum of the blocks",
    "constant": "The constant-E_d model",
}

_JUDGE: dict[ComputeModel, str] = {
    "heads": "the measured heads",
    "blocks": "the sum of the blocks",
    "constant": "the constant E_d",
}


def profile_notes(profile: DeviceProfile, network: Network, model: ComputeModel) -> list[str]:
    """Say what about the profile a reader must know before believing a joule of it.

    Args:
        profile: The profile.
        network: The network.
        model: What computing is priced by.
    """
    notes = []
    if profile.simulated:
        notes.append("The profile is simulated: no joule here was physically measured.")
    if profile.source in ("literature", "modelled"):
        notes.append(f"The profile's figures are {profile.source}, not measured on this device.")
    troubled = [check.name for check in profile.quality.checks if check.outcome != "pass"]
    because = f" ({', '.join(troubled)})" if troubled else ""
    if profile.quality.verdict == "suspect":
        notes.append(f"The profile is suspect{because}; calibrate again before relying on it.")
    if profile.quality.verdict == "rejected":
        notes.append(f"The profile was rejected{because} and is used only because you insisted.")
    if profile.compute.flop_convention != NETWORK_CONVENTION:
        notes.append(
            f"E_d counts FLOP by {profile.compute.flop_convention!r}, the network by "
            f"{NETWORK_CONVENTION!r}: the constant E_d carries that difference."
        )
    if network.unknown_operators and model != "constant":
        kinds = ", ".join(f"{n} × {kind}" for kind, n in network.unknown_operators.items())
        notes.append(f"Operators without a FLOP rule add nothing to N_l: {kinds}.")
    return notes


def decision_notes(decision: Decision) -> list[str]:
    """Say what about the choice a reader must know."""
    notes = []
    if decision.unsure_because is not None:
        of_model = decision.best.made_by != "not measured"
        stated = "; or state what the model may be off by (--model-error)" if of_model else ""
        notes.append(
            f"How sure the choice is stays unknown, because {decision.unsure_because}{stated}."
        )
    elif decision.probability_best is None:
        notes.append("The profile states no uncertainty, so how sure the choice is stays unknown.")
    if decision.too_close_to_call and decision.expected_regret_j is not None:
        notes.append(
            f"Too close to call: the choice is the best with probability "
            f"{decision.probability_best:.2f}, below {TOO_CLOSE_PROBABILITY}; choosing it costs "
            f"{_joules(decision.expected_regret_j)} per inference above the truly best on average."
        )
    notes += [_model_note(decision, choice) for choice in decision.models if choice.regret_j > 0.0]
    return notes


def _model_note(decision: Decision, choice: ModelChoice) -> str:
    """Tell what choosing by another model would cost."""
    uncertain = f" (standard uncertainty {_joules(choice.regret_u_j)})" if choice.regret_u_j else ""
    return (
        f"{_MODEL[choice.model]} would have chosen block {choice.block}, costing "
        f"{_joules(choice.regret_j)}{uncertain} more per inference by {_JUDGE[decision.judged_by]}."
    )


def making_notes(decision: Decision, makings: Sequence[Making]) -> list[str]:
    """Say how what crosses is sent, and what the price of making these bytes rests on."""
    usage, groups = decision.usage, dict[tuple[MadeBy, str, str], list[str]]()
    for block, making in enumerate(makings):
        if making.by is None or making.by == "measured":
            continue
        key = making.by, usage.encoding_asked(block) or "them", _time_source(usage, block)
        groups.setdefault(key, []).append(str(block))
    notes = []
    if usage.encoding is not None:
        notes.append(
            f"What crosses is sent as {usage.encoding.name}, which may change the result: see "
            "partition --encodings."
        )
        notes += _left_out(usage.encoding)
    notes += [_making_note(*key, ", ".join(blocks)) for key, blocks in groups.items()]
    return [*notes, *_enough(decision)]


def _left_out(encoding: SentEncoded) -> list[str]:
    """Say where an encoding is not used for the sake of the answer."""
    if not encoding.left_out:
        return []
    where = ", ".join(map(str, encoding.left_out))
    why = f"nothing shows that the answer stays often enough with {encoding.name}"
    return [f"At l = {where} it is sent as it is: {why}."]


def _time_source(usage: Usage, block: int) -> str:
    """Say where the time of making an upload's bytes is from, if it is not the profile's."""
    if block == 0 and usage.input_form is not None:
        return usage.input_form.timed_by or "it is as stated"
    return usage.encoding.timed_on if usage.encoding else "it is as stated"


def _making_note(by: MadeBy, name: str, source: str, blocks: str) -> str:
    if by == "not measured":
        return f"Making {name} of l = {blocks} is not measured: not in the price, nor in its time."
    if by == "scaled by size":
        return (
            f"What making {name} of l = {blocks} costs is scaled by size from where the profile "
            "measured it, give or take how far a bit's cost differs there (of a single place: "
            "anything from nothing to twice)."
        )
    doubt = ", anything from nothing to twice that" if by == "assumed" else ""
    return (
        f"How long making {name} of l = {blocks} takes is not measured: {source}, at the mean "
        f"power of computing{doubt}. Calibrate with --encodings {name}."
    )


def _enough(decision: Decision) -> list[str]:
    """Say what making its bytes would have to cost to make the choice another."""
    rival = decision.runner_up
    if decision.best.made_by != "not measured" or rival is None:
        return []
    other = " more than theirs" if decision.candidates[rival.block].made_by else ""
    return [f"The choice stands unless making its bytes costs {_joules(rival.excess_j)}{other}."]


def limit_notes(constraints: Constraints, sending: Sending) -> list[str]:
    """Say what a limit on latency was held against; nothing without one."""
    if constraints.max_latency_s is None:
        return []
    limit = f"The limit of {constraints.max_latency_s:.4g} s"
    if sending.time is None:
        bare = "computing and the bits over the link's rate, for this profile knows"
        unknown = "neither what an upload takes besides nor how long the slow ones take"
        again = "Inferences take longer; calibrate the link again"
        return [f"{limit} is held against {bare} {unknown}. {again}."]
    if not len(sending.time.log_sizes):
        return [f"{limit} is held against the upper end of the mean's interval."]
    kept_by = f"has to be kept by {constraints.latency_percentile} of 100 inferences"
    return [f"{limit} {kept_by}, at the upper end of the 95 % interval of their time."]


def input_note(decision: Decision, network: Network, *, uint8_allowed: bool) -> str:
    """Say what full offload uploads, and what it would cost as 8-bit values.

    Args:
        decision: The choice.
        network: The network.
        uint8_allowed: Uploading the input as 8-bit values would break no limit.
    """
    server = decision.candidates[0]
    own = " and ".join(sorted({network.tensors[index].dtype for index in network.inputs}))
    as_is = server.upload_bits == network.input_bits
    what = f"the network's own {own} input" if as_is else "the input in the encoding you stated"
    if decision.input_forms:
        return _form_note(decision, own)
    note = f"Full offload uploads {what}, {server.upload_bits} bit, for {_joules(server.energy_j)}"
    uint8_bits = UINT8_BITS * input_elements(network)
    if uint8_bits >= server.upload_bits or not can_be_bytes(network):
        return f"{note}."
    note += (
        f"; as {uint8_bits} bit of 8-bit values it would cost {_joules(decision.input_as_uint8_j)}"
    )
    if not uint8_allowed:
        return f"{note}, which the limits do not allow."
    if decision.input_as_uint8_j < decision.best.energy_j:
        return f"{note}, less than this choice: if that is what your input is, state its size."
    return f"{note}, not less than this choice."


def _form_note(decision: Decision, own: str) -> str:
    """Say which forms of the input full offload could be sent in, and what the taken one needs."""
    server = decision.candidates[0]
    priced = ", ".join(map(_form_cost, decision.input_forms))
    taken = "it is" if server.sent_as is None else server.sent_as
    note = f"Full offload of the {own} input costs {priced}; it counts as {taken}."
    if server.sent_as == "uint8":
        note += (
            " That needs inputs whose numbers are the bytes of a picture, scaled; they arrive bit "
            "for bit. Others go up as they are, which costs that much."
        )
    return note


def _form_cost(form: PricedForm) -> str:
    name = "it is" if form.name == AS_IS else form.name
    lossy = "" if form.is_lossless else " (which may change the result)"
    return f"as {name} {_joules(form.energy_j)}{lossy}"


def explain(decision: Decision) -> str:
    """Tell in one paragraph why the choice won and what would change it."""
    sentences = [_why(decision), _alternatives(decision), _how_sure(decision)]
    sentences += [_change(decision, crossover) for crossover in decision.sensitivity.crossovers]
    if not decision.sensitivity.crossovers:
        sentences.append("No price of a bit changes the choice among the allowed splits.")
    return " ".join(sentence for sentence in sentences if sentence)


def _why(decision: Decision) -> str:
    best = decision.best
    after = f" after block {best.block} ({best.name})" if best.where == "split" else ""
    form = "" if best.sent_as is None else f" as {best.sent_as}"
    allowed = "allowed " if any(c.violates for c in decision.candidates) else ""
    return (
        f"{_WHERE[best.where].format(form=form)}{after} costs least of all {allowed}candidates: "
        f"{_joules(best.energy_j)} per inference ({counted_text(decision)}), {_parts(best)}."
    )


_SIZE_NOT_MEASURED = {
    "between sizes": " (a size between those that were measured)",
    "beyond sizes": " (a size beyond those that were measured)",
}
"""What is said of the price of an upload that no window gave."""


def _parts(best: Candidate) -> str:
    """Tell what an energy is made of."""
    parts = []
    if best.where != "server":
        parts.append(f"{_joules(best.compute_j)} of computing (priced by {best.priced_by})")
    if best.encode_j:
        parts.append(f"{_joules(best.encode_j)} of encoding")
    if best.where != "device":
        sending_j = best.upload_j + best.upload_fixed_j
        size = _SIZE_NOT_MEASURED.get(best.upload_priced_by or "", "")
        parts.append(f"{_joules(sending_j)} of sending {best.upload_bits:,} bit{size}")
    if best.answer_j:
        parts.append(f"{_joules(best.answer_j)} of receiving the answer")
    if best.wait_j:
        parts.append(f"{_joules(best.wait_j)} of waiting for it")
    if best.start_j:
        parts.append(f"{_joules(best.start_j)} of starting alone")
    if best.idle_j:
        parts.append(f"{_joules(best.idle_j)} of idle power")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _alternatives(decision: Decision) -> str:
    first, last = decision.candidates[0], decision.candidates[-1]
    others = [
        f"{label} {_joules(candidate.energy_j)}{' (not allowed)' if candidate.violates else ''}"
        for label, candidate in (("all on the device", last), ("all on the server", first))
        if candidate.block != decision.best.block
    ]
    return f"Against that, {' and '.join(others)}."


def _how_sure(decision: Decision) -> str:
    runner_up = decision.runner_up
    if runner_up is None:
        return "No other candidate is allowed."
    sentence = f"The runner-up, block {runner_up.block}, costs {_joules(runner_up.excess_j)} more"
    if runner_up.excess_u_j is None or runner_up.probability_cheaper is None:
        return f"{sentence}."
    return (
        f"{sentence} (standard uncertainty {_joules(runner_up.excess_u_j)}) and is really the "
        f"cheaper one with probability {_probability(runner_up.probability_cheaper)}."
    )


def _change(decision: Decision, crossover: Crossover) -> str:
    bound, word = (
        ("above", "cheaper") if crossover.bit_becomes == "cheaper" else ("below", "dearer")
    )
    rate = ""
    if crossover.rate_bit_per_s is not None:
        measured = "" if crossover.measured_range else ", outside the measured rates"
        rate = f" (this link at {crossover.rate_bit_per_s:.3g} bit/s{measured})"
    return (
        f"Block {crossover.block} takes over if bits get {word}: E_c {bound} "
        f"{crossover.e_c_bit_per_j:.4g} bit/J {decision.account}{rate}, "
        f"now {decision.e_c_bit_per_j:.4g} bit/J {decision.account}."
    )


def _joules(energy_j: float) -> str:
    return f"{energy_j:.4g} J"


def _probability(probability: float) -> str:
    return f"{probability:.2g}" if probability >= 1e-4 else "below 0.0001"
