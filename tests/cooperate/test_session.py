"""Whatever the server does, the results are the network's own, and they come in time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from math import inf

import numpy as np
import pytest

from joulesplit.cooperate import Fallback, SessionOptions, SplitSession
from joulesplit.cooperate._link_estimate import LinkEstimate
from joulesplit.cooperate._parts import NetworkParts
from joulesplit.cooperate.errors import PolicyMismatchError
from joulesplit.partition import SENDABLE, Runner, after_sending, encode
from joulesplit.partition.errors import InputError
from joulesplit.partition.reading import load_model, read_network

QUICK = SessionOptions(least_patience_s=0.5)


def assert_results(inference, expected):
    outputs = list(inference.outputs.values())
    assert len(outputs) == len(expected)
    for own, right in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(own, right, rtol=1e-4, atol=1e-5)


def test_a_split_gives_the_whole_networks_results_by_name(model, policy, server, sample, network):
    inputs, expected = sample
    with SplitSession(model, policy, edge=server) as session:
        inference = session.infer(inputs)
        again = session.infer({network.tensors[network.inputs[0]].name: inputs[0]})

    assert_results(inference, expected)
    assert_results(again, expected)
    assert list(inference.outputs) == [network.tensors[i].name for i in network.outputs]
    record = inference.record
    assert (record.split, record.fallback) == (1, None)
    assert record.upload_bits == policy.lines[1].upload_bits
    assert record.energy_j == pytest.approx(
        policy.lines[1].energy_j(record.upload_bits / record.transfer_s)
    )
    assert record.energy_u_j == pytest.approx(0.01 * record.energy_j)
    assert session.counts.by_split == {1: 2}
    assert session.link.uploads == 2


def in_encoding(policy, name, block=1):
    """Return the policy with one split's tensors sent so, and no other split wanted."""
    lines = [replace(line, allowed=line.block in (block, 2)) for line in policy.lines]
    lines[block] = replace(lines[block], encoding=name, bits_j=0.5)
    return replace(policy, lines=tuple(lines))


@pytest.mark.parametrize("name", ["float16", "int8", "int8-channel", "as-is+zlib"])
def test_what_the_policy_encodes_goes_up_encoded_and_the_result_is_that_of_what_arrives(
    model, policy, server, sample, name
):
    inputs, expected = sample
    with NetworkParts(load_model(model), threads=1, use_xnnpack=True) as parts:
        last = policy.lines[1].last_operator
        crossing = parts.head(last, inputs)
        bits = 8 * sum(len(encode(array, SENDABLE[name])) for array in crossing)
        follows = parts.tail(last, after_sending(crossing, SENDABLE[name]))
    options = replace(QUICK, shadow_every=1, shadow_limit=1e-6)
    with SplitSession(model, in_encoding(policy, name), edge=server, options=options) as session:
        inference = session.infer(inputs)
    record = inference.record
    assert (record.split, record.fallback, record.upload_bits) == (1, None, bits)
    assert record.sent_as == name
    assert record.shadow_error == 0.0
    decided = policy.lines[1]
    bits_j = 0.5 * bits / decided.upload_bits
    assert record.energy_j == pytest.approx(decided.fixed_j - 0.5 + bits_j + record.transfer_s)
    for own, right in zip(inference.outputs.values(), follows, strict=True):
        np.testing.assert_array_equal(own, right)
    assert (name == "as-is+zlib") or not np.array_equal(follows[0], expected[0])


def test_bytes_of_a_picture_go_up_as_bytes_and_other_numbers_as_they_are_at_their_price(
    model, policy, server, sample, network
):
    inputs, _ = sample
    policy = in_encoding(policy, "uint8", 0)
    byte_bits, plain_bits = 96 + 8 * inputs[0].size, 32 * inputs[0].size
    decided = replace(
        policy.lines[0],
        upload_bits=byte_bits,
        compute_j=0.0,
        fixed_j=2.0,
        bits_j=1.0,
        j_bit_per_s=float(byte_bits),
    )
    policy = replace(policy, lines=(decided, *policy.lines[1:]))
    shape = inputs[0].shape
    pixels = np.random.default_rng(6).integers(0, 256, shape).astype(np.float32) / np.float32(255)
    with Runner(model) as whole:
        expected = [whole.run([array]) for array in (pixels, inputs[0])]
    with SplitSession(model, policy, edge=server, options=QUICK) as session:
        found = [session.infer([array]) for array in (pixels, inputs[0])]
        counts, patient = session.counts, session._patience_s(session.policy.lines[0], inf)
        rate, waited = session.link.rate_bit_per_s, session.link.round_trip_s
    for inference, right in zip(found, expected, strict=True):
        assert_results(inference, right)
    bits = [inference.record.upload_bits for inference in found]
    assert [inference.record.sent_as for inference in found] == ["uint8", None]
    assert bits == [byte_bits, plain_bits]
    assert all(inference.record.fallback is None for inference in found)
    assert [inference.record.form_not_met for inference in found] == [None, "uint8"]
    assert counts.form_not_met == {"uint8": 1}
    assert patient == max(QUICK.least_patience_s, QUICK.patience * (plain_bits / rate + waited))
    # 1 J beside the bits, 1 J of the bytes' own price, and a bit on the way for a joule a second.
    for inference, sent in zip(found, bits, strict=True):
        expected_j = 1.0 + sent / byte_bits + inference.record.transfer_s
        assert inference.record.energy_j == pytest.approx(expected_j)


def test_numbers_that_the_decided_form_cannot_hold_are_decided_on_again_by_their_true_price(
    model, policy, server, sample
):
    """As bytes full offload is the cheapest by little; as they are it costs four times as much."""
    inputs, expected = sample
    here = replace(policy.lines[2], fixed_j=1.0)
    decided = replace(
        policy.lines[0], upload_bits=96 + 8 * inputs[0].size, encoding="uint8", compute_j=0.0,
        fixed_j=0.9, bits_j=0.8, j_bit_per_s=0.0,
    )  # fmt: skip
    policy = replace(policy, lines=(decided, replace(policy.lines[1], allowed=False), here))
    with SplitSession(model, policy, edge=server, options=QUICK) as session:
        found = [session.infer(inputs) for _ in range(2)]
    assert [x.record.split for x in found] == [2, 2]
    assert [x.record.form_not_met for x in found] == ["uint8", None]
    assert [x.record.energy_j for x in found] == [1.0, 1.0]
    assert found[0].record.upload_bits == 0
    assert_results(found[0], expected)


def test_the_form_of_the_input_goes_with_the_rate_and_what_bytes_cannot_hold_as_it_is(
    model, policy, server, sample
):
    """Bytes are dear to make: they pay where the link is slow."""
    inputs, _ = sample
    byte_bits, plain_bits = 96 + 8 * inputs[0].size, 32 * inputs[0].size
    plain = replace(
        policy.lines[0], upload_bits=plain_bits, compute_j=0.0, fixed_j=0.0,
        j_bit_per_s=float(plain_bits),
    )  # fmt: skip
    as_bytes = replace(
        plain, upload_bits=byte_bits, encoding="uint8", encode_j=0.5, fixed_j=0.5,
        j_bit_per_s=float(byte_bits),
    )  # fmt: skip
    others = [replace(line, allowed=False) for line in policy.lines[1:]]
    policy = replace(policy, lines=(plain, *others, as_bytes))
    shape = inputs[0].shape
    pixels = np.random.default_rng(6).integers(0, 256, shape).astype(np.float32) / np.float32(255)
    with Runner(model) as whole:
        expected = [whole.run([array]) for array in (pixels, pixels, inputs[0])]
    slow = plain_bits / 4
    with SplitSession(model, policy, edge=server, options=QUICK) as session:
        assert session.policy.choose(1e8) == 0
        found = []
        for rate, array in ((1e8, pixels), (slow, pixels), (slow, inputs[0])):
            session.link = LinkEstimate(rate, now_ns=0)
            found.append(session.infer([array]))
    for inference, right in zip(found, expected, strict=True):
        assert_results(inference, right)
    assert [x.record.split for x in found] == [0, 0, 0]
    assert [x.record.upload_bits for x in found] == [plain_bits, byte_bits, plain_bits]
    assert [x.record.form_not_met for x in found] == [None, None, "uint8"]
    for inference, made_j in zip(found, (0.0, 0.5, 0.5), strict=True):
        record = inference.record
        assert record.energy_j == pytest.approx(made_j + record.transfer_s, abs=1e-9)


def counted(monkeypatch, thing, name):
    """Count the calls of a method; return the list of its first arguments."""
    calls, method = [], getattr(thing, name)

    def counting(*arguments, **options):
        calls.append(arguments[0])
        return method(*arguments, **options)

    monkeypatch.setattr(thing, name, counting)
    return calls


def test_an_input_that_is_not_finite_is_tried_once_in_an_encoding_and_no_head_runs_in_vain(
    model, policy, server, sample, monkeypatch
):
    """As int8 either split is cheaper than everything here, as it is none."""
    inputs, _ = sample
    spoiled = inputs[0].copy()
    spoiled.flat[0] = np.nan
    with Runner(model) as whole:
        expected = whole.run([spoiled])
    here = replace(policy.lines[2], fixed_j=1.0)
    as_int8 = [
        replace(line, encoding="int8", upload_bits=line.upload_bits // 4, compute_j=0.25,
                encode_j=0.125, fixed_j=0.9 - 0.1 * line.block, bits_j=0.4, j_bit_per_s=0.0)
        for line in policy.lines[:2]
    ]  # fmt: skip
    policy = replace(policy, lines=(*as_int8, here))
    with SplitSession(model, policy, edge=server, options=QUICK) as session:
        heads = counted(monkeypatch, session._parts, "head")
        asked = counted(monkeypatch, session._remote, "run")
        inference = session.infer([spoiled])
        tried = policy.lines[1].last_operator
        assert (heads, asked) == ([tried], [tried])
        # What another input may well be sent as stays.
        assert [line.encoding for line in session.policy.lines] == ["int8", None, None]
        again = session.infer(inputs)
    record = inference.record
    assert (record.split, record.form_not_met, record.upload_bits) == (2, "int8", 0)
    assert record.energy_j == pytest.approx(1.0 + 0.125)
    for own, right in zip(inference.outputs.values(), expected, strict=True):
        np.testing.assert_allclose(own, right, rtol=1e-5, atol=1e-6)
    assert (again.record.split, again.record.form_not_met) == (0, None)


def test_a_head_in_vain_is_paid_for_and_one_whose_result_goes_up_as_it_is_runs_once(
    model, policy, server, sample, monkeypatch
):
    """Bits have no price at split 1 in the first case: as it is it costs the encoding less."""
    spoiled = sample[0][0].copy()
    spoiled.flat[0] = np.nan
    here = replace(policy.lines[2], fixed_j=9.0)
    for plain_j, split, paid_j in ((8.0, 1, 0.3), (0.4, 0, 0.4 + 0.375)):
        first = replace(policy.lines[0], compute_j=0.0, fixed_j=plain_j, j_bit_per_s=0.0)
        tried = replace(
            policy.lines[1], encoding="int8", upload_bits=policy.lines[1].upload_bits // 4,
            compute_j=0.25, encode_j=0.125, fixed_j=0.3, bits_j=0.0 if split else 0.25,
            j_bit_per_s=0.0,
        )  # fmt: skip
        changed = replace(policy, lines=(first, tried, here))
        with SplitSession(model, changed, edge=server, options=QUICK) as session:
            heads = counted(monkeypatch, session._parts, "head")
            record = session.infer([spoiled]).record
        assert (record.split, record.form_not_met) == (split, "int8")
        assert heads == ([tried.last_operator] if split else [tried.last_operator, -1])
        assert record.energy_j == pytest.approx(paid_j)


def test_a_policy_of_an_encoding_that_is_not_known_is_refused(model, policy):
    with pytest.raises(PolicyMismatchError, match="int3"):
        SplitSession(model, in_encoding(policy, "int3"), edge=None)


def test_a_policy_of_splits_that_the_network_does_not_have_is_refused(model, policy):
    """The last line left out and the one before it said to send nothing: no results come of it."""
    short = replace(policy.lines[1], upload_bits=0, j_bit_per_s=0.0)
    elsewhere = replace(policy.lines[1], last_operator=10**6)
    for lines in ((policy.lines[0], short), (policy.lines[0], elsewhere, policy.lines[2])):
        with pytest.raises(PolicyMismatchError, match="are not those of"):
            SplitSession(model, replace(policy, lines=lines), edge=None)


def test_without_a_server_everything_is_computed_here(model, policy, sample):
    inputs, expected = sample
    with SplitSession(model, policy, edge=None) as session:
        inference = session.infer(inputs)
    assert_results(inference, expected)
    assert (inference.record.split, inference.record.fallback) == (2, None)


def test_a_server_that_is_not_there_costs_one_try_and_then_nothing_until_the_retry(
    model, policy, sample, unused_port
):
    inputs, expected = sample
    now_ns = 0
    with SplitSession(
        model, policy, edge=f"http://127.0.0.1:{unused_port()}", options=QUICK,
        now_ns=lambda: now_ns,
    ) as session:  # fmt: skip
        first, second = session.infer(inputs), session.infer(inputs)
        now_ns = 1_100_000_000
        third, fourth = session.infer(inputs), session.infer(inputs)
        now_ns = 2_200_000_000
        fifth = session.infer(inputs)

    told = [x.record.fallback for x in (first, second, third, fourth, fifth)]
    assert told == [Fallback.UNREACHABLE, None, Fallback.UNREACHABLE, None, None]
    for inference in (first, second, third, fourth, fifth):
        assert_results(inference, expected)
    # Nothing left, so nothing is paid for but the network: its head and then its tail, here.
    assert first.record.upload_bits == second.record.upload_bits == 0
    assert first.record.energy_j == second.record.energy_j == policy.lines[2].energy_j(1e8)


def test_a_server_that_comes_back_is_used_again_and_one_with_another_network_never(
    models, policy, sample, serve, unused_port
):
    (model, other_model), (inputs, expected) = models, sample
    port, now_ns = unused_port(), 0
    with SplitSession(
        model, policy, edge=f"http://127.0.0.1:{port}", options=QUICK, now_ns=lambda: now_ns
    ) as session:
        results = []
        for turn in (model, None, other_model, model):
            now_ns += 10**12
            if turn is None:
                results.append(session.infer(inputs))
                continue
            with serve(turn, port=port):
                results.append(session.infer(inputs))

    for inference in results:
        assert_results(inference, expected)
    assert [x.record.fallback for x in results] == [
        None, Fallback.UNREACHABLE, Fallback.REFUSED, None,
    ]  # fmt: skip


def test_a_deadline_holds_against_a_server_that_trickles(model, policy, relay, sample):
    inputs, expected = sample
    relay.byte_s = 0.05
    with SplitSession(model, policy, edge=relay.url) as session:
        inference = session.infer(inputs, deadline_s=0.6)

    assert_results(inference, expected)
    assert inference.record.fallback is Fallback.LATE
    # The timeout of the connection is 30 s; what is asserted is only that it did not decide.
    assert inference.record.given_up_s < 5.0
    # The server had not even said which networks it has, so no upload had left.
    assert inference.record.upload_bits == 0
    assert inference.record.energy_j == policy.lines[2].energy_j(1e8)


def test_an_upload_that_left_in_vain_is_paid_for(model, policy, relay, sample):
    inputs, expected = sample
    with SplitSession(model, policy, edge=relay.url, options=QUICK) as session:
        session.infer(inputs)
        relay.delay_s = 20.0
        inference = session.infer(inputs)
        rate = session.link.rate_bit_per_s

    assert_results(inference, expected)
    here, line = policy.lines[2], policy.lines[1]
    assert inference.record.fallback is Fallback.LATE
    assert inference.record.upload_bits == line.upload_bits
    assert inference.record.energy_j == pytest.approx(
        here.energy_j(rate) + line.energy_j(rate) - line.compute_j, rel=1e-3
    )


def test_without_a_deadline_a_silent_server_is_waited_for_a_stated_time(
    model, policy, relay, sample
):
    inputs, expected = sample
    relay.delay_s = 20.0
    with SplitSession(model, policy, edge=relay.url, options=QUICK) as session:
        before = session.link.rate_bit_per_s
        inference = session.infer(inputs)
    assert_results(inference, expected)
    assert inference.record.fallback is Fallback.LATE
    assert 0.5 <= inference.record.given_up_s < 10.0
    assert session.link.rate_bit_per_s < before


def test_a_changed_answer_is_noticed_where_it_is_looked_for(model, policy, relay, sample):
    inputs, expected = sample
    is_body = False

    def change(data):
        """Flip an exponent's bit in the last number of the results."""
        nonlocal is_body
        head, ended, body = data.partition(b"\r\n\r\n") if not is_body else (b"", b"", data)
        results = is_body or b"tensors" in head.lower()
        is_body = results and not body
        return head + ended + body[:-1] + bytes([body[-1] ^ 0x40]) if results and body else data

    relay.answer = change
    options = SessionOptions(shadow_every=7)
    now_ns = 0
    with SplitSession(
        model, policy, edge=relay.url, options=options, now_ns=lambda: now_ns
    ) as session:
        told = [session.infer(inputs) for _ in range(8)]
        now_ns += 61 * 10**9
        told.append(session.infer(inputs))
        relay.answer, now_ns = lambda data: data, now_ns + 121 * 10**9
        told += [session.infer(inputs) for _ in range(2)]

    changed = told[:6]  # nothing looks for it before the seventh
    for inference in told[6:]:
        assert_results(inference, expected)
    assert [(x.record.split, x.record.fallback) for x in changed] == [(1, None)] * 6
    assert told[6].record.fallback is told[8].record.fallback is Fallback.DIFFERS
    assert told[6].record.shadow_error > options.shadow_limit
    # Left alone for a minute; then its first result is computed here too, until one agrees.
    assert (told[7].record.split, told[7].record.fallback) == (2, None)
    assert [(x.record.split, x.record.fallback) for x in told[9:]] == [(1, None)] * 2
    assert told[9].record.shadow_error <= options.shadow_limit
    assert told[10].record.shadow_error is None


def test_a_connection_that_went_while_it_rested_is_made_anew(
    model, policy, sample, serve, unused_port
):
    inputs, expected = sample
    port = unused_port()
    with SplitSession(model, policy, edge=f"http://127.0.0.1:{port}") as session:
        results = []
        for _ in range(2):
            with serve(model, port=port):
                results += [session.infer(inputs), session.infer(inputs)]
    for inference in results:
        assert_results(inference, expected)
    assert [(x.record.split, x.record.fallback) for x in results] == [(1, None)] * 4


def test_another_runtime_is_refused_unless_it_is_allowed(model, policy, serve, sample):
    inputs, expected = sample
    with serve(model, "--no-xnnpack") as url:
        now_ns = 0
        with SplitSession(model, policy, edge=url, now_ns=lambda: now_ns) as session:
            strict, then = session.infer(inputs), session.infer(inputs)
            now_ns = 61 * 10**9
            again = session.infer(inputs)
        allowing = SessionOptions(allow_other_runtime=True)
        with SplitSession(model, policy, edge=url, options=allowing) as session:
            lenient = session.infer(inputs)

    assert strict.record.fallback is again.record.fallback is Fallback.ANOTHER_RUNTIME
    assert strict.record.transfer_s is None
    assert (then.record.split, then.record.fallback) == (2, None)
    assert lenient.record.fallback is None
    assert_results(strict, expected)


def test_shadowed_results_that_agree_are_the_servers(model, policy, server, sample):
    inputs, _ = sample
    with SplitSession(
        model, policy, edge=server, options=SessionOptions(shadow_every=2)
    ) as session:
        errors = [session.infer(inputs).record.shadow_error for _ in range(4)]
    assert [error is not None for error in errors] == [False, True, False, True]
    assert max(error for error in errors if error is not None) < 1e-5


def test_a_policy_of_another_network_is_refused(other_model, policy):
    with pytest.raises(PolicyMismatchError, match="build one for it"):
        SplitSession(other_model, policy, edge=None)


def test_inputs_of_other_names_or_shapes_are_refused(model, policy, sample):
    with SplitSession(model, policy, edge=None) as session:
        with pytest.raises(InputError, match="give these"):
            session.infer({"nonsense": sample[0][0]})
        with pytest.raises(InputError):
            session.infer([sample[0][0][..., :1]])


def test_streams_and_tasks_give_the_same(model, policy, server, sample):
    inputs, expected = sample
    with SplitSession(model, policy, edge=server) as session:
        for inference in session.stream([inputs, inputs]):
            assert_results(inference, expected)
        assert_results(asyncio.run(session.infer_async(inputs, deadline_s=inf)), expected)
    assert session.counts.inferences == 3


def test_a_link_that_became_slow_is_left_and_a_fast_one_taken_again(
    model, network, policy_with, server, sample
):
    """By the policy all here costs 1.5 J and the split 1 J + bits / rate."""
    inputs, _ = sample
    policy = policy_with(network, split_j=1.0, local_j=1.5)
    with SplitSession(model, policy, edge=server) as session:
        assert session.infer(inputs).record.split == 1
        now_ns = session._now_ns()
        session.link.given_up(policy.lines[1].upload_bits, 60.0, now_ns)
        session.link.given_up(policy.lines[1].upload_bits, 60.0, now_ns)
        assert session.infer(inputs).record.split == 2
        session.link.uploaded(10**8, 1.0, session._now_ns())
        assert session.infer(inputs).record.split == 1


def test_device_and_server_take_the_same_stated_shape(models, policy_with, serve):
    """A server at another shape refuses what crosses, and the result is computed here."""
    model = models[0].with_name("cnn_open_image.tflite")
    name, shape = "serving_default_image:0", (1, 12, 10, 3)
    network = read_network(model, {name: shape})
    options = SessionOptions(input_shapes={name: shape}, least_patience_s=5.0)
    array = np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)
    with Runner(model, input_shapes=[shape]) as runner:
        expected = runner.run([array])
    fallbacks = []
    for served in ("1,12,10,3", "1,12,12,3"):
        with (
            serve(model, "--input-shape", f"{name}={served}") as url,
            SplitSession(model, policy_with(network), edge=url, options=options) as session,
        ):
            inference = session.infer([array])
        assert_results(inference, expected)
        fallbacks.append(inference.record.fallback)
    assert fallbacks == [None, Fallback.REFUSED]
