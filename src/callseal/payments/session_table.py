"""The payment session as one table: (state, event) -> (next state, commands). All of the session's behaviour over time is here.

Two rules. **This file knows what may follow what, and nothing else**: not how a fact changes the session's data (`fold`), not what a
command looks like (`engine`), not how anything is sent. **And nothing else knows what may follow what**: no other file compares
a state in order to decide where to go. Documentation and the card's buttons are drawn from this table.

How it works. The world tells the session *events*. Three kinds:

* a **press** is a wish of the agent. A press that has no row is refused: `WrongState`, or `CallOver` once the call has ended.
* a **fact** is something that has happened: a webhook, a report of the edge, an answer to a command, a deadline. Facts are never
  refused, because whoever brings one would only bring it again. Every fact therefore has a row in every state; the last section
  says for each fact what "changes nothing here" means. A fact first changes the session's data, wherever it is in the table.
* a **conclusion** is drawn by the engine itself from that data after a fact, and looked up in the same table. The important one is
  `evidence_complete`. *Secured* is never an event that somebody sends us. It is reached when the partner says so, and the edge saw
  both legs move (2xx, ACK and packets), and the fence is confirmed; and it is left, by `evidence_lost`, when any of the four goes
  away. Nothing else leads into `secured` for the first time.

The shape of a payment. `ready` is home: media flows as if we were not there. A press asks the edge for the **hold** first and the
partner only when the hold is confirmed, so that no digit can reach the agent while media is on the move. From then on there are two
ways: forward through the *covered* states (`secured` to `outcome_unknown`), in which all four pieces of evidence hold, or back through
`restoring`. Every failure takes the way back, and the hold is lifted only when both legs are home. When the way back does not
end in time the state says so, `media_at_partner`, and keeps trying: hold, release and look again, until the legs are home
or somebody hangs up. Only failures from before the partner was asked at all go straight back to `ready`.

Money has its own clock. A charge is sent once, under its own key. When its outcome is not clear it is *asked about* by that key,
in whatever state the session is, also after the call has ended, and never sent again. So the outcome facts have rows everywhere.
`charge_not_seen` (the partner does not know the key) is not an outcome while a request may still be on its way; only in
`outcome_unknown`, long after it was sent, it leads back to `captured`, where pressing Charge uses the same key again.

A restart of the desk is an event too. What was evidence before is history: the desk asks the edge again, and until the answer is there
a secured session is `securing`, whatever the partner is doing meanwhile.

So is the death of a node, the rtpengine that carried the sound. The partner is asked to refresh: it re-INVITEs both legs with what they
have, and the router anchors them on a node that lives. Until the edge has seen that, a secured session is `securing` again, and goes
home when it takes too long; an open call stays `ready` and says that its sound is being moved. The router holds the customer of every leg
that it anchors anew at home, because it cannot know what the call was; the desk knows, and lifts that hold when both legs are seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from callseal.payments.names import PRESSES, Do, Event, State

S, E, D = State, Event, Do

ALL = tuple(State)
LIVE = tuple(state for state in State if state is not S.ENDED)
AT_REST = (S.OFFERED, S.READY)
COVERED = (S.SECURED, S.CAPTURING, S.CAPTURED, S.AUTHORISING, S.APPROVED, S.OUTCOME_UNKNOWN)
HOMEWARD = (S.RESTORING, S.MEDIA_AT_PARTNER)

GO_HOME = (D.HOLD, D.RELEASE)
"""When the edge has said where the legs are. Where it may not have, as after a Secure that failed, `TRY_AGAIN` asks."""
AT_HOME = (D.UNHOLD, D.RESUME_RECORDING)
TRY_AGAIN = (D.HOLD, D.RELEASE, D.QUERY_MEDIA)
CLOSE = (D.FORGET_TOKEN, D.ANNOTATE)


@dataclass(frozen=True, slots=True)
class Step:
    """`to` None: the state stays. `rearm`: the state's deadline starts anew although the state stays."""

    to: State | None = None
    do: tuple[Do, ...] = ()
    notice: str | None = None
    rearm: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    states: tuple[State, ...]
    event: Event
    step: Step


def on(
    states: State | tuple[State, ...],
    event: Event,
    to: State | None = None,
    do: tuple[Do, ...] = (),
    *,
    notice: str | None = None,
    rearm: bool = False,
) -> Row:
    return Row(states if isinstance(states, tuple) else (states,), event, Step(to, do, notice, rearm))


ROWS: tuple[Row, ...] = (
    # --- the call arrives ---------------------------------------------------------------------------------------------
    on(S.OFFERED, E.ANNOTATED, S.READY),
    on(S.OFFERED, E.ANNOTATE_FAILED, S.READY, notice="platform_silent"),
    on(S.OFFERED, E.DEADLINE, S.READY, notice="platform_silent"),
    on(S.READY, E.DEADLINE, do=(D.QUERY_MEDIA,), rearm=True),
    on(S.READY, E.RESTARTED, do=(D.QUERY_MEDIA,)),
    on(AT_REST, E.CALL_VANISHED, S.ENDED, CLOSE, notice="call_vanished"),
    # --- Secure: hold first, then the partner ---------------------------------------------------------------------------
    on(S.READY, E.SECURE_PRESSED, S.SECURING, (D.HOLD, D.PAUSE_RECORDING)),
    on(S.SECURING, E.HOLD_CONFIRMED, do=(D.SECURE,)),
    on(S.SECURING, E.HOLD_FAILED, S.READY, AT_HOME, notice="hold_failed"),
    on(S.SECURING, E.SECURE_NOT_SENT, S.READY, AT_HOME, notice="partner_unreachable"),
    on(S.SECURING, E.EVIDENCE_COMPLETE, S.SECURED),
    on(S.SECURING, E.EVIDENCE_COMPLETE_CAPTURING, S.CAPTURING),
    on(S.SECURING, E.EVIDENCE_COMPLETE_CAPTURED, S.CAPTURED),
    on(S.SECURING, E.SECURE_REFUSED, S.RESTORING, TRY_AGAIN, notice="secure_refused"),
    on(S.SECURING, E.PARTNER_SECURE_FAILED, S.RESTORING, TRY_AGAIN, notice="secure_failed"),
    on(S.SECURING, E.LEG_REFUSED, S.RESTORING, TRY_AGAIN, notice="leg_refused"),
    on(S.SECURING, E.MEDIA_SILENT, S.RESTORING, TRY_AGAIN, notice="media_silent"),
    on(S.SECURING, E.HOLD_EXPIRED, S.RESTORING, TRY_AGAIN, notice="hold_expired"),
    on(S.SECURING, E.PARTNER_RELEASED, S.RESTORING, TRY_AGAIN, notice="partner_left"),
    on(S.SECURING, E.PARTNER_STUCK, S.RESTORING, TRY_AGAIN, notice="partner_left"),
    on(S.SECURING, E.EDGE_LOST, S.RESTORING, TRY_AGAIN, notice="edge_lost"),
    on(S.SECURING, E.CANCEL_PRESSED, S.RESTORING, TRY_AGAIN, notice="cancelled"),
    on(S.SECURING, E.DEADLINE, S.RESTORING, TRY_AGAIN, notice="secure_timeout"),
    on(S.SECURING, E.RESTARTED, S.RESTORING, TRY_AGAIN, notice="desk_restarted"),
    # --- secured: take the card -----------------------------------------------------------------------------------------
    on(S.SECURED, E.CAPTURE_PRESSED, S.CAPTURING, (D.CAPTURE,)),
    on((S.SECURED, S.CAPTURED), E.RELEASE_PRESSED, S.RESTORING, GO_HOME),
    on((S.SECURED, S.CAPTURED), E.CANCEL_PRESSED, S.RESTORING, GO_HOME, notice="cancelled"),
    on((S.SECURED, S.CAPTURED), E.DEADLINE, S.RESTORING, GO_HOME, notice="idle"),
    on(S.CAPTURING, E.FIELD_STARTED, rearm=True),
    on(S.CAPTURING, E.DIGIT_COUNTED, rearm=True),
    on(S.CAPTURING, E.FIELD_COMPLETED, rearm=True),
    on(S.CAPTURING, E.FIELD_INVALID, rearm=True),
    on(S.CAPTURING, E.FIELD_RESET, rearm=True),
    on(S.CAPTURING, E.FIELD_TIMED_OUT, notice="field_timed_out", rearm=True),
    on(S.CAPTURING, E.RESET_PRESSED, do=(D.RESET,), rearm=True),
    on(S.CAPTURING, E.RESET_REFUSED, notice="reset_refused"),
    on(S.CAPTURING, E.CAPTURE_REFUSED, S.SECURED, notice="capture_refused"),
    on(S.CAPTURING, E.CAPTURE_COMPLETED, S.CAPTURED),
    on((S.CAPTURING, S.CAPTURED), E.CAPTURE_TIMED_OUT, S.SECURED, notice="capture_timed_out"),
    on((S.CAPTURING, S.CAPTURED), E.CAPTURE_CANCELLED, S.SECURED, notice="capture_cancelled"),
    on(S.CAPTURING, E.DEADLINE, S.SECURED, (D.CANCEL_CAPTURE,), notice="capture_timed_out"),
    on(S.CAPTURING, E.CANCEL_PRESSED, S.RESTORING, (D.CANCEL_CAPTURE, *GO_HOME), notice="cancelled"),
    on(S.CAPTURED, E.RESET_PRESSED, S.CAPTURING, (D.RESET,)),
    on(S.CAPTURED, E.FIELD_STARTED, S.CAPTURING),
    on(S.CAPTURED, E.FIELD_RESET, S.CAPTURING),
    # --- money ----------------------------------------------------------------------------------------------------------
    on(S.CAPTURED, E.CHARGE_PRESSED, S.AUTHORISING, (D.CHARGE,)),
    on((S.AUTHORISING, S.OUTCOME_UNKNOWN, S.CAPTURED), E.CHARGE_APPROVED, S.APPROVED, (D.ANNOTATE,)),
    on(
        (S.AUTHORISING, S.OUTCOME_UNKNOWN, S.CAPTURED),
        E.CHARGE_DECLINED,
        S.SECURED,
        (D.ANNOTATE,),
        notice="declined",
    ),
    on(S.AUTHORISING, E.CHARGE_REFUSED, S.CAPTURED, notice="charge_refused"),
    on(S.AUTHORISING, E.CHARGE_UNCLEAR, do=(D.QUERY_CHARGE,), notice="charge_unclear"),
    on(S.AUTHORISING, E.CHARGE_UNKNOWN, S.OUTCOME_UNKNOWN, (D.ANNOTATE,), notice="outcome_unknown"),
    on(S.AUTHORISING, E.DEADLINE, S.OUTCOME_UNKNOWN, (D.QUERY_CHARGE, D.ANNOTATE), notice="outcome_unknown"),
    on(S.OUTCOME_UNKNOWN, E.CHARGE_NOT_SEEN, S.CAPTURED, notice="charge_not_seen"),
    on(S.OUTCOME_UNKNOWN, E.CHARGE_REFUSED, S.CAPTURED, notice="charge_refused"),
    on((S.APPROVED, S.OUTCOME_UNKNOWN), E.RELEASE_PRESSED, S.RESTORING, GO_HOME),
    on((S.APPROVED, S.OUTCOME_UNKNOWN), E.DEADLINE, S.RESTORING, GO_HOME),
    # the call may be anywhere by now, or over: the outcome is recorded, told to the platform, and moves nothing
    on((*AT_REST, *HOMEWARD, S.ENDED), E.CHARGE_APPROVED, do=(D.ANNOTATE,)),
    on((*AT_REST, *HOMEWARD, S.ENDED), E.CHARGE_DECLINED, do=(D.ANNOTATE,)),
    on(ALL, E.CHARGE_QUERY_DUE, do=(D.QUERY_CHARGE,)),
    # --- secured can be revoked -----------------------------------------------------------------------------------------
    on(COVERED, E.VERIFY_DUE, do=(D.QUERY_MEDIA,)),
    on(COVERED, E.EVIDENCE_LOST, S.RESTORING, GO_HOME, notice="evidence_lost"),
    on(COVERED, E.PARTNER_RELEASED, S.RESTORING, GO_HOME, notice="partner_left"),
    on(COVERED, E.PARTNER_STUCK, S.MEDIA_AT_PARTNER, (*TRY_AGAIN, D.ANNOTATE), notice="media_at_partner"),
    on(COVERED, E.PARTNER_SECURE_FAILED, S.RESTORING, GO_HOME, notice="partner_left"),
    on(COVERED, E.EDGE_LOST, S.RESTORING, GO_HOME, notice="edge_lost"),
    on((S.SECURED, S.CAPTURING, S.CAPTURED), E.RESTARTED, S.SECURING, (D.QUERY_MEDIA,)),
    on((S.AUTHORISING, S.OUTCOME_UNKNOWN), E.RESTARTED, do=(D.QUERY_MEDIA, D.QUERY_CHARGE)),
    on(S.APPROVED, E.RESTARTED, do=(D.QUERY_MEDIA,)),
    # --- the sound is lost: a node died ---------------------------------------------------------------------------------
    on(AT_REST, E.NODE_LOST, do=(D.REFRESH,), notice="node_lost"),
    on(AT_REST, E.VERIFY_DUE, do=(D.QUERY_MEDIA,)),
    on(AT_REST, E.REFRESH_FAILED, notice="media_gone"),
    on(
        AT_REST, E.MEDIA_SILENT, do=(D.QUERY_MEDIA,)
    ),  # nobody speaks: at rest it is enough to know where it would go
    on(S.READY, E.MEDIA_BACK, do=(D.UNHOLD,), notice="media_back"),
    on(S.OFFERED, E.MEDIA_BACK, S.READY, (D.UNHOLD,), notice="media_back"),
    on((S.SECURED, S.CAPTURING, S.CAPTURED), E.NODE_LOST, S.SECURING, (D.REFRESH,), notice="node_lost"),
    on(S.SECURING, E.NODE_LOST, S.RESTORING, (*GO_HOME, D.REFRESH), notice="node_lost"),
    on((S.AUTHORISING, S.APPROVED, S.OUTCOME_UNKNOWN), E.NODE_LOST, S.RESTORING, GO_HOME, notice="node_lost"),
    on(HOMEWARD, E.NODE_LOST, do=(D.REFRESH,)),
    # the partner says that it has nothing to release, and a leg is elsewhere all the same; or a node took the sound
    on(
        S.RESTORING,
        E.DEADLINE_MEDIA_LOST,
        S.MEDIA_AT_PARTNER,
        (*TRY_AGAIN, D.REFRESH, D.ANNOTATE),
        notice="media_at_partner",
    ),
    on(S.MEDIA_AT_PARTNER, E.DEADLINE_MEDIA_LOST, do=(*TRY_AGAIN, D.REFRESH), rearm=True),
    # the partner is gone: with it goes its word that the line is secure
    on(COVERED, E.PARTNER_SILENT, S.RESTORING, GO_HOME, notice="partner_gone"),
    # --- home -----------------------------------------------------------------------------------------------------------
    on(HOMEWARD, E.LEGS_HOME, S.READY, (*AT_HOME, D.ANNOTATE)),
    on(S.RESTORING, E.DEADLINE_LEGS_HOME, S.READY, (*AT_HOME, D.ANNOTATE), notice="partner_silent"),
    on(S.RESTORING, E.DEADLINE, S.MEDIA_AT_PARTNER, (*TRY_AGAIN, D.ANNOTATE), notice="media_at_partner"),
    on(
        S.RESTORING,
        E.PARTNER_STUCK,
        S.MEDIA_AT_PARTNER,
        (D.HOLD, D.QUERY_MEDIA, D.ANNOTATE),
        notice="media_at_partner",
    ),
    on(HOMEWARD, E.PARTNER_SECURED, do=(D.RELEASE,)),  # our release overtook its success
    on(HOMEWARD, E.HOLD_EXPIRED, do=(D.HOLD,)),
    on(HOMEWARD, E.RESTARTED, do=TRY_AGAIN),
    on(S.MEDIA_AT_PARTNER, E.DEADLINE, do=TRY_AGAIN, rearm=True),
    on(S.MEDIA_AT_PARTNER, E.RELEASE_PRESSED, do=TRY_AGAIN, rearm=True),
    # nobody asked, and yet media or partner say secure: bring it home
    on(AT_REST, E.PARTNER_SECURED, S.RESTORING, GO_HOME, notice="unasked_secure"),
    on(AT_REST, E.LEG_STRAYED, S.RESTORING, GO_HOME, notice="unasked_secure"),
    # --- the end --------------------------------------------------------------------------------------------------------
    on(LIVE, E.CALL_ENDED, S.ENDED, CLOSE),
    on(LIVE, E.PARTNER_ENDED, S.ENDED, CLOSE),
)

# Facts that change data at most, in every state that has no row above. Written out, so that a new event is a decision.
NOTHING_ELSE: tuple[Event, ...] = (
    E.LEG_MOVED,  # only conclusions move the state
    E.LEG_REFUSED,  # once covered, the place is unknown: evidence_lost; on the way home the deadline decides
    E.LEG_GLARE,  # both sides asked at once; the partner tries again (RFC 3261 section 14.1)
    E.LEG_UNDONE,
    E.MEDIA_SILENT,
    E.MEDIA_SEEN,
    E.HOLD_CONFIRMED,
    E.HOLD_FAILED,  # outside securing: the edge holds by itself before every restoring offer
    E.HOLD_EXPIRED,  # the hold was lifted by the edge when the customer leg arrived at the partner
    E.EDGE_LOST,
    E.NODE_LOST,
    E.REFRESH_FAILED,  # the watch over the nodes comes back to it
    E.PARTNER_SILENT,
    E.CALL_ENDED,
    E.PARTNER_SECURED,
    E.PARTNER_SECURE_FAILED,
    E.PARTNER_RELEASED,
    E.PARTNER_STUCK,
    E.PARTNER_ENDED,
    E.FIELD_STARTED,
    E.DIGIT_COUNTED,
    E.FIELD_COMPLETED,
    E.FIELD_INVALID,
    E.FIELD_RESET,
    E.FIELD_TIMED_OUT,
    E.CAPTURE_COMPLETED,
    E.CAPTURE_TIMED_OUT,
    E.CAPTURE_CANCELLED,
    E.CHARGE_APPROVED,  # of a call that has gone on to another card: recorded
    E.CHARGE_DECLINED,
    E.CHARGE_UNKNOWN,
    E.CHARGE_PENDING,
    E.CHARGE_NOT_SEEN,
    E.CHARGE_FOREIGN,  # an outcome for a charge this session does not have: into the log, no further
    E.CHARGE_REFUSED,
    E.CHARGE_UNCLEAR,  # data: the next question is due
    E.SECURE_NOT_SENT,
    E.SECURE_REFUSED,
    E.CAPTURE_REFUSED,
    E.RESET_REFUSED,
    E.RELEASE_REFUSED,  # data: the partner has nothing to release
    E.ANNOTATED,
    E.ANNOTATE_FAILED,
    E.DEADLINE,
    E.VERIFY_DUE,
    E.RESTARTED,
)
NOTICE_ONLY: dict[Event, str] = {E.RECORDING_UNCONFIRMED: "recording_unconfirmed"}


@dataclass(frozen=True, slots=True)
class Deadline:
    """`limit` names the field of `Limits`; `reason` is what the card says about it."""

    limit: str
    reason: str


# What ends a state that nobody ends. A state without a deadline can last as long as the call.
DEADLINES: dict[State, Deadline] = {
    S.OFFERED: Deadline("annotate", "the contact centre is told about the call"),
    S.READY: Deadline("still_there", ""),
    S.SECURING: Deadline("secure", "not secure by then: the call goes back to normal"),
    S.SECURED: Deadline("secured_idle", "nothing asked by then: the call goes back to normal"),
    S.CAPTURING: Deadline("field", "no digit by then: taking the card is stopped"),
    S.CAPTURED: Deadline("secured_idle", "not charged by then: the call goes back to normal"),
    S.AUTHORISING: Deadline("authorise", "no answer by then: the outcome is unknown"),
    S.APPROVED: Deadline("approved", "the call goes back to normal by itself"),
    S.OUTCOME_UNKNOWN: Deadline("secured_idle", "the call goes back to normal by itself"),
    S.RESTORING: Deadline("restore", "not home by then: alarm"),
    S.MEDIA_AT_PARTNER: Deadline("restore_again", "the desk tries again by itself"),
}


def build(rows: Iterable[Row]) -> dict[tuple[State, Event], Step]:
    """The table from its rows. Raises `ValueError` when two rows claim one cell: order must not matter."""
    table: dict[tuple[State, Event], Step] = {}
    for row in rows:
        for state in row.states:
            if (state, row.event) in table:
                raise ValueError(f"two rows for {row.event} in {state}")
            table[state, row.event] = row.step
    for event in NOTHING_ELSE:
        for state in State:
            table.setdefault((state, event), Step())
    for event, notice in NOTICE_ONLY.items():
        for state in State:
            quiet = state in (S.ENDED, *AT_REST)
            table.setdefault((state, event), Step() if quiet else Step(notice=notice))
    return table


TABLE = build(ROWS)


def lookup(state: State, event: Event) -> Step | None:
    """The cell, or None where there is none: for a press a refusal, for a conclusion "nothing follows"."""
    return TABLE.get((state, event))


def possible_presses(state: State) -> tuple[Event, ...]:
    """The presses that have a row in this state, in the order of their declaration."""
    return tuple(event for event in Event if event in PRESSES and (state, event) in TABLE)
