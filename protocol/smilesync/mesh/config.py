"""Every parameter of a link: unit in the name, default, meaning, SPEC ID where it is normative."""

from dataclasses import dataclass

from smilesync.config import MS_NS, SECOND_NS


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Datagrams, handshake, sessions, dialling (SPEC section Link)."""

    hello_rate_per_s: int = 100
    """First handshake packets worth a key exchange; each costs a responder about 0.3 ms."""
    hello_burst: int = 200
    cookie_threshold: int = 128
    """Half-open handshakes from which on strangers must first return a cookie (LNK-031)."""
    half_open_max: int = 256
    half_open_per_host_max: int = 64
    hellos_remembered_max: int = 1024
    """Ephemeral keys of answered handshakes kept, so that a replay gets at most one answer."""
    hello_answers_max: int = 2
    """Answers to one ephemeral key: the honest one and one to whoever was quicker (LNK-014)."""
    hello_repeats_max: int = 16
    """Times the same answer is repeated for a repeated first packet."""
    cookie_secret_lifetime_ns: int = 120 * SECOND_NS
    cookies_per_dial_max: int = 3

    handshake_lifetime_ns: int = 5 * SECOND_NS
    """How long an ephemeral key waits for its answer, on both sides."""
    confirm_repeat_ns: int = 250 * MS_NS
    """Time between two copies of a third handshake packet that nothing has answered."""

    peers_max: int = 256
    sessions_per_peer_max: int = 4
    silent_after_ns: int = 3 * SECOND_NS
    """Silence after which the peer's addresses are dialled again, beside the old session."""
    dead_after_ns: int = 300 * SECOND_NS
    """Silence after which the link is down; until then a healed cut needs no handshake."""
    retire_after_ns: int = 10 * SECOND_NS
    """How long a replaced session can still be read (LNK-024)."""
    rekey_after_packets: int = 1 << 20
    rekey_after_ns: int = 900 * SECOND_NS
    rekey_grace_ns: int = 30 * SECOND_NS
    """The responder starts a new handshake only so much later than the initiator should have."""
    tick_ns: int = 500 * MS_NS

    addresses_max: int = 512
    dial_first_ns: int = 250 * MS_NS
    """First time between two dials of an address; doubles up to one of the caps below."""
    dial_permanent_cap_ns: int = 2 * SECOND_NS
    dial_hint_cap_ns: int = 60 * SECOND_NS
    dial_hint_attempts_max: int = 12
    """Unanswered dials after which an address that was only a hint is forgotten."""
    dial_answered_pause_ns: int = 2 * SECOND_NS
    """How long a second handshake packet holds back the next dial of its address."""
    redial_ns: int = 320 * MS_NS
    """Time between dials of a silent peer, so that a restarted one is found in < 0.5 s."""
    redial_urgent_for_ns: int = 60 * SECOND_NS
    redial_later_ns: int = 1600 * MS_NS
    own_address_quarantine_ns: int = 600 * SECOND_NS
    """An address that turned out to be our own is not dialled for so long."""

    notice_interval_ns: int = 10 * SECOND_NS
    """At most one notice per broken rule in this time; the rest is only counted."""
