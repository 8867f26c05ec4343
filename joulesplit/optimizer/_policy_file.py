"""A policy as a file that any language can use, and as a C header."""

from __future__ import annotations

from math import inf
from typing import Any

import msgspec

from joulesplit.optimizer._policy import SplitLine, SplitPolicy
from joulesplit.optimizer._policy_document import PolicyDocument
from joulesplit.optimizer.errors import InvalidInputError
from joulesplit.partition import AS_IS

POLICY_SCHEMA = "joulesplit/split-policy"
POLICY_SCHEMA_VERSION = 1


class _ToldLine(msgspec.Struct):
    """Of a line, what it sends and whether it tells how."""

    upload_bits: int
    encoding: str | msgspec.UnsetType | None = msgspec.UNSET


class _ToldLines(msgspec.Struct):
    lines: tuple[_ToldLine, ...]
    other_forms: tuple[_ToldLine, ...] = ()


def policy_bytes(policy: SplitPolicy) -> bytes:
    """Return a policy as JSON."""
    return msgspec.json.format(msgspec.json.encode(_document_of(policy)), indent=1) + b"\n"


def policy_from(content: bytes) -> SplitPolicy:
    """Return the policy of a file's content.

    Raises:
        InvalidInputError: It is none, or of a version that is not known here, or says something
            that cannot be: the message says what and where.
    """
    try:
        document = msgspec.json.decode(content, type=PolicyDocument)
        told = msgspec.json.decode(content, type=_ToldLines)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(f"this is no policy of joulesplit: {error}") from error
    if (document.schema, document.schema_version) != (POLICY_SCHEMA, POLICY_SCHEMA_VERSION):
        raise InvalidInputError(
            f"this is {document.schema} version {document.schema_version}, and {POLICY_SCHEMA} "
            f"version {POLICY_SCHEMA_VERSION} is known here: write it again with this "
            "version of joulesplit"
        )
    document.require_sound()
    _require_told(told)
    return SplitPolicy(
        network_sha256=document.network_sha256,
        account=document.account,
        lines=(*document.lines, *document.other_forms),
        hysteresis=document.hysteresis,
        rates_bit_per_s=document.rates,
        max_upload_bits=document.max_upload_bits,
        period_s=document.period_s,
    )


def _document_of(policy: SplitPolicy) -> PolicyDocument:
    splits, (slow, fast) = policy.whole.block + 1, policy.rates_bit_per_s
    return PolicyDocument(
        schema=POLICY_SCHEMA,
        schema_version=POLICY_SCHEMA_VERSION,
        network_sha256=policy.network_sha256,
        account=policy.account,
        hysteresis=policy.hysteresis,
        rates_bit_per_s=(slow, None if fast == inf else fast),
        lines=policy.lines[:splits],
        other_forms=policy.lines[splits:],
        max_upload_bits=policy.max_upload_bits,
        period_s=policy.period_s,
    )


def _require_told(told: _ToldLines) -> None:
    """Refuse bits of which nothing tells how they were made: as it is, the same would be others."""
    for position, line in enumerate(told.lines + told.other_forms):
        if line.upload_bits and line.encoding is msgspec.UNSET:
            raise InvalidInputError(
                f"the policy's line {position} sends {line.upload_bits} bit and does not say in "
                "which encoding: it is of an early version of joulesplit, build it again"
            )


def policy_header(policy: SplitPolicy) -> str:
    """Return a policy as a C header (C99): what each split sends, how, and what it costs.

    ``joulesplit_choose`` answers as ``SplitPolicy.choose`` does, ``joulesplit_energy_j`` as
    ``SplitLine.energy_j``.

    Raises:
        InvalidInputError: The policy holds something that cannot be, so nothing is written.
    """
    _document_of(policy).require_sound()
    rows = ",\n".join(f"    {{{_row(line)}}}" for line in policy.lines)
    return _HEADER.format(
        sha256=policy.network_sha256,
        account=policy.account,
        splits=policy.whole.block + 1,
        count=len(policy.lines),
        hysteresis=_number(policy.hysteresis),
        period_s=_number(policy.period_s),
        rows=rows,
    )


def _row(line: SplitLine) -> str:
    numbers = (
        line.fixed_j, line.j_bit_per_s, *line.deadline_line, line.fixed_s, line.bits_on_the_way,
    )  # fmt: skip
    sent_as = f'"{line.encoding or AS_IS}"' if line.upload_bits else "NULL"
    facts: tuple[Any, ...] = (
        *map(_number, numbers),
        line.block,
        int(line.upload_bits > 0),
        int(line.allowed),
        line.last_operator,
        line.upload_bits,
        sent_as,
    )
    return ", ".join(str(fact) for fact in facts)


def _number(value: float | None) -> str:
    """Return a C constant that is the same double; what is not known is infinite."""
    return "INFINITY" if value is None or value == inf else float(value).hex()


_HEADER = """\
/* Which split to take, made by joulesplit from a measured profile.
   Network {sha256}, energies {account}. */
#ifndef JOULESPLIT_POLICY_H
#define JOULESPLIT_POLICY_H
#include <math.h>
#include <stddef.h>

#define JOULESPLIT_SPLITS {splits}
#define JOULESPLIT_LINES {count} /* beyond the splits: full offload in other forms */
#define JOULESPLIT_NONE (-1)
#define JOULESPLIT_PERIOD_S {period_s} /* from one inference to the next; INFINITY: no limit */

struct joulesplit_line {{
    double fixed_j, j_bit_per_s; /* energy = fixed_j + j_bit_per_s / rate */
    double fixed_s, bits;        /* time, of a slow inference = fixed_s + bits / rate */
    double mean_s, mean_bits;    /* the same of the mean; INFINITY: not known */
    int block;                   /* l: that of a line beyond the splits is 0 */
    int sends, allowed;
    int last_operator;           /* the last one on the device; -1: none runs there */
    double upload_bits;          /* that go up, encoded */
    const char *encoding;        /* of what goes up; NULL: nothing does */
}};

static const struct joulesplit_line joulesplit_lines[JOULESPLIT_LINES] = {{
{rows}
}};

/* The device's energy of an inference by a line, J; rate: payload bits per second. */
static inline double joulesplit_energy_j(int line, double rate)
{{
    const struct joulesplit_line *s = &joulesplit_lines[line];
    return s->fixed_j + (s->j_bit_per_s > 0 ? s->j_bit_per_s / rate : 0);
}}

static int joulesplit_keeps(int line, double rate, double round_trip_s, double deadline_s)
{{
    const struct joulesplit_line *s = &joulesplit_lines[line];
    const double trip_s = s->sends ? round_trip_s : 0;
    const double mean_s = s->mean_s + (s->mean_bits > 0 ? s->mean_bits / rate : 0) + trip_s;
    if (!isinf(s->mean_s) && !(mean_s <= JOULESPLIT_PERIOD_S)) return 0;
    if (isinf(deadline_s)) return 1;
    return s->fixed_s + (s->bits > 0 ? s->bits / rate : 0) + trip_s <= deadline_s;
}}

/* rate: payload bits per second; current: the line in use or JOULESPLIT_NONE; deadline_s may be
   INFINITY. Returns the line to take, or JOULESPLIT_NONE if none will do: its place in
   joulesplit_lines, which is l, or beyond the splits full offload in another form. */
static int joulesplit_choose(double rate, int current, double round_trip_s, double deadline_s,
                             int server_up)
{{
    int i, best = JOULESPLIT_NONE;
    double best_j = INFINITY, current_j;
    if (!server_up || !(rate > 0)) {{
        const int here = JOULESPLIT_SPLITS - 1;
        return joulesplit_lines[here].allowed && joulesplit_keeps(here, INFINITY, 0, deadline_s)
            ? here : JOULESPLIT_NONE;
    }}
    /* Other forms of full offload come first: of equal ones the split that sends less stays. */
    for (i = JOULESPLIT_SPLITS; i < JOULESPLIT_LINES + JOULESPLIT_SPLITS; i++) {{
        const int l = i < JOULESPLIT_LINES ? i : i - JOULESPLIT_LINES;
        double energy_j = joulesplit_lines[l].fixed_j + joulesplit_lines[l].j_bit_per_s / rate;
        if (joulesplit_lines[l].allowed && energy_j <= best_j
            && joulesplit_keeps(l, rate, round_trip_s, deadline_s)) {{
            best = l;
            best_j = energy_j;
        }}
    }}
    if (best == JOULESPLIT_NONE || current < 0 || current == best) return best;
    current_j = joulesplit_lines[current].fixed_j + joulesplit_lines[current].j_bit_per_s / rate;
    if (joulesplit_lines[current].allowed && current_j <= (1 + {hysteresis}) * best_j
        && joulesplit_keeps(current, rate, round_trip_s, deadline_s))
        return current;
    return best;
}}
#endif
"""
