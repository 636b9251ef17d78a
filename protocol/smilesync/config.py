"""Every parameter of the core: unit in the name, default, meaning, SPEC ID where it is normative.

Parameters that all devices of a circle must share live in the genesis (`circle/genesis.py`);
those here are local or fixed by SPEC.md.
"""

from dataclasses import dataclass, field

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000

# Fixed by SPEC.md: the same in every implementation, so not fields of a configuration.
CBOR_DEPTH_MAX = 6
CBOR_ARRAY_MAX = 128
CBOR_MAP_MAX = 32
CBOR_TEXT_BYTES_MAX = 64
CBOR_BYTES_MAX = 1170
MESSAGE_BYTES_MAX = 1168
"""What fits a frame of 1200 bytes after header, tag and the two-byte size (FRM-011)."""
OBJECT_BYTES_MAX = 1024
OBJECT_BODY_BYTES_MAX = 918
"""What is left of an object beside array head, kind, signer and signature with their heads."""
VALUE_BYTES_MAX = 1024
PIECED_BYTES_MAX = 16_384
"""Of a roster, a state or an object: what is told in pieces."""
RECORD_BYTES_MAX = 24_576
"""A roster of 64 voters, which is a quarter of that at most, beside the largest state."""
GENESIS_BYTES_MAX = 16_000
"""Of a genesis that is told and remembered; a journal record has room for it."""
PROOF_BYTES_MAX = 98_304
"""Of the proof of what a circle decided: its genesis, and up to 16 decisions with their voters."""
FOUNDERS_MAX = 22
"""Most founders of a successor: their certificates, 15 signatures, fit a datagram."""
ROSTER_MAX = 64
"""Voters of one circle at most: a bitmap of voters has at most this many bits."""


@dataclass(frozen=True, slots=True)
class ClockConfig:
    """Circle clock: readings, correction, synchronisation (SPEC section Clock).

    Two devices that are SYNCED and honest differ by at most 2 x `guard_us`.
    """

    guard_us: int = 20_000
    """g, half the circle's clock tolerance: the largest own error of a SYNCED device (CLK-020)."""
    window_count: int = 32
    """Readings kept per voter; more cost time and are too old to matter."""
    reading_age_us: int = 8_000_000
    """A reading counts for this long (CLK-012)."""
    reading_growth_ppm: int = 400
    """Two crystals of 100 ppm and the other's slew of 200 ppm: what a reading loses as it ages."""
    held_growth_ppm: int = 200
    """Two crystals: what the round trip is wrong by while the other side holds an echo."""
    error_growth_ppm: int = 300
    """rho + sigma: what the own error grows by without readings (CLK-022)."""
    rtt_us_max: int = 2_000_000
    circle_us_max: int = 2**52
    """Circle times from here on are nonsense, 142 years after the founding."""

    tick_ns: int = SECOND_NS
    """Between two CLOCK messages to a voter while SYNCED (CLK-001)."""
    correct_ns: int = 1_500 * MS_NS
    """No correction of a SYNCED clock comes sooner after the last: every second tick (CLK-021)."""
    noise_part: int = 16
    """A correction below this part of the error of its clock is noise, and left (CLK-027)."""
    doubt_tick_ns: int = 250 * MS_NS
    """The same while the own error is above three quarters of the guard."""
    idle_tick_ns: int = 400 * MS_NS
    """The same while not SYNCED and nobody answers."""
    burst_tick_ns: int = 50 * MS_NS
    """The same while not SYNCED and a quorum of voters answers."""
    sprint_ticks: int = 8
    """Of a burst's ticks, how many come so fast: a reading needs a few exchanges, not more."""
    sprint_more_ticks: int = 3
    """How many of them a voter that turns up later is worth."""
    sprint_readings: int = 2
    """Fresh readings of a voter that are enough to go on at the slower tick with it."""
    ask_after_ns: int = 75 * MS_NS
    """Who was heard so recently sprints as well, and need not be asked to answer (CLK-005)."""
    search_tick_ns: int = 200 * MS_NS
    """The rest of a burst: what is left then is waiting, which fresh readings must accompany."""
    burst_ticks: int = 64
    """Fast ticks in a row at most, so that a group without quorum does not chatter for ever."""
    neighbour_tick_ns: int = 2 * SECOND_NS
    """Between two CLOCK messages to a neighbour that is no voter: they keep the link alive."""
    answer_ns: int = 25 * MS_NS
    """A voter's request is answered unless it was sent something so recently (CLK-006)."""
    neighbour_answer_ns: int = 100 * MS_NS
    """The same for everyone else."""
    fresh_us: int = 450_000
    """Older readings do not end a search; above `idle_tick_ns` (CLK-034)."""
    gap_us: int = 2_000_000
    """After a longer gap between two readings a voter's clock may have stepped away and back."""
    solitude_us: int = 8_010_000
    """`reading_age_us` on anybody's crystal: after it, nobody cut off is SYNCED (CLK-035)."""
    silence_ns: int = SECOND_NS
    """A voter not heard for this long does not count as answering."""

    jump_us: int = 300_000
    """How long after a new voter's first reading a COLD clock may jump forward (CLK-032)."""
    calm_ticks: int = 2
    """Corrections below half the guard in a row, before a clock counts as SYNCED."""
    step_us: int = 500
    """A SYNCED clock that is not showing steps by larger corrections and slews by smaller ones."""
    slew_ppb_max: int = 200_000
    """sigma: the most a clock may gain or lose while a certified value is selected (CLK-024)."""
    slew_horizon_ms: int = 2_000
    """A correction is spread over this long."""
    crystal_ppb_max: int = 150_000
    crystal_ticks: int = 8
    """Part of each correction's slew that is kept for good, as the own crystal's deviation."""
    slew_deadband_ppb: int = 10_000
    """Smaller changes of the slew are not worth a new timeline."""

    reserve_us: int = 30_000_000
    """How far ahead of the clock its reservation is written (CLK-040)."""
    reserve_margin_us: int = 10_000_000
    """What must be left of the reservation, else the next one is written."""


@dataclass(frozen=True, slots=True)
class EmotionConfig:
    """Emotion broadcast, consent, suggestions, company (SPEC sections Emotion, Consent)."""

    lifetime_ns: int = 30 * SECOND_NS
    """How long a neighbour's word counts, from its receipt by the own clock (EMO-014)."""
    resend_ns: int = 10 * SECOND_NS
    """An emotion is stated again after this long at most, so silence is withdrawal (EMO-021)."""
    resend_jitter_ns: int = 2 * SECOND_NS
    """Up to this much sooner, so that a crowd that changed at once does not speak at once."""
    change_ns: int = 2 * SECOND_NS
    """Between two statements of one wearer (EMO-012, EMO-022)."""
    burst: int = 3
    """Statements taken at once after a silence: a delayed one may arrive with the next."""
    voices_max: int = 512
    """Neighbours remembered, those with a link and those who left; more than links can be."""
    remembered_ns: int = 120 * SECOND_NS
    """How long the sequence of a neighbour without a link is kept; above `lifetime_ns`."""
    sequence_block: int = 1024
    """Numbers reserved per journal record: one write in some hours (EMO-005)."""
    withdrawal_repeat_ns: int = SECOND_NS
    """A withdrawal is said again after this long, then twice as long, up to `lifetime_ns`."""
    suggestion_lifetime_ns: int = 120 * SECOND_NS
    """How long a sensor's question waits for the wearer (EMO-032)."""
    suggestion_dwell_ns: int = 30 * SECOND_NS
    """Between two of a sensor's questions (EMO-033)."""
    company_ns: int = 5 * SECOND_NS
    """How long one message keeps its sender counted as company (NBR-002)."""


@dataclass(frozen=True, slots=True)
class CircleConfig:
    """Consensus timers, repair, bounds."""

    first_view_timeout_ns: int = 500 * MS_NS
    """T0: how long view 1 waits for its leader; each further view waits 1.5 times as long."""
    first_view_timeout_ns_max: int = 2 * SECOND_NS
    """T0 is 3.5 times the one-way delay, from the time above to this one (CIR-014)."""
    view_growth_steps_max: int = 8
    """Views after which the timeout no longer grows."""
    views_ahead_max: int = 8
    """Votes and proposals of later views than this ahead of the open one are refused."""
    retest_ns: int = 50 * MS_NS
    """A kept proposal that begins too far ahead is tested again after this."""
    fade_us: int = 2_000_000
    """Certified fade from the previous pattern, in values this device proposes; 2 to 4 s."""
    quiet_ns: int = 300 * MS_NS
    """No STATUS of a voter for this long after its slot opened."""
    status_interval_ns: int = 400 * MS_NS
    """Ts: a voter's STATUS in an open view."""
    status_interval_ns_min: int = 150 * MS_NS
    """Among partners Ts is twice the round trip, from this to the time above (SPR-036)."""
    status_fanout: int = 3
    """To how many random members a STATUS goes."""
    answer_interval_ns: int = 100 * MS_NS
    """At most one repair answer per peer and this interval."""
    hearsay_cost_ns: int = 20 * MS_NS
    """Petitions and evidence of one partner are taken 50 times a second ..."""
    hearsay_burst_ns: int = SECOND_NS
    """... and so much ahead (SPR-041): each may cost three verifications."""
    follower_grace_ns: int = 200 * MS_NS
    """A follower asks this long after a lease ended without a successor, plus jitter."""
    follower_jitter_ns: int = 500 * MS_NS
    follower_wait_ns: int = 500 * MS_NS
    """A follower's second question, doubling each time."""
    follower_wait_ns_max: int = 8 * SECOND_NS
    early_messages_per_sender_max: int = 4
    """Messages of the next slot kept until the open one is decided."""
    absent_after_ns: int = 4 * SECOND_NS
    """A leader not heard for this long is not waited for."""
    hold_after_ns: int = 1_500 * MS_NS
    """COMMITTED becomes HOLD when q voters were not heard for this long."""
    follower_hold_after_ns: int = 2_500 * MS_NS
    """The same for who does not vote, or has no links with q voters: they speak every 2 s only."""
    trust_ns: int = 900 * SECOND_NS
    """A roster vouches for another one for so long after its last decision (MEM-021)."""
    away_after_ns: int = 12 * SECOND_NS
    """T_abs: a voter not heard for this long may lose its seat (MEM-030)."""
    near_ns: int = 4 * SECOND_NS
    """Who was heard so recently counts as present where seats are given (MEM-031)."""
    glow_after_ns: int = 60 * SECOND_NS
    """SOLO becomes GLOW after this long without company or input."""
    wish_lifetime_ns: int = 60 * SECOND_NS
    """How long a wish waits or is shown, by the own clock (WSH-007)."""
    wish_gap_ns: int = 30 * SECOND_NS
    """Between two wishes of this device's wearer (WSH-001)."""
    wish_gap_heard_ns: int = 28 * SECOND_NS
    """Between two of another's: less, since the first may have come late (WSH-005)."""
    wish_slots_max: int = 16
    """A wish made in an older slot than so many before the open one is refused (WSH-004)."""
    wish_turn_slots: int = 100
    """Who was served within so many slots waits for those who were not (WSH-008)."""
    wishes_max: int = 64
    """Wishes that wait at a time (WSH-006)."""


@dataclass(frozen=True, slots=True)
class SuccessionConfig:
    """When a circle that lost its quorum may be succeeded (SPEC section Succession)."""

    after_ns: int = 60 * SECOND_NS
    """Without a decision for this long, plus jitter, a device is stranded (SUC-010)."""
    jitter_ns: int = 4 * SECOND_NS
    start_ns: int = 600 * SECOND_NS
    """The same for who knows no decision of this life: people switch on one after another."""
    lost_ns: int = 1_800 * SECOND_NS
    """After this long alone two founders are enough to follow (SUC-048)."""
    gather_ns: int = 6 * SECOND_NS
    """How long a stranded device waits for the others' jitter before it calls (SUC-020)."""
    turn_ns: int = 20 * SECOND_NS
    """After this long without a successor the next in the order may call, too."""
    say_ns: int = 2 * SECOND_NS
    """STRANDED, and what is not answered, are said again after this long."""
    present_ns: int = 5 * SECOND_NS
    """Whose STRANDED was heard within this time counts as present."""
    patience_ns: int = 12 * SECOND_NS
    """How long a call waits for all pledges."""
    pledge_gap_ns: int = 30 * SECOND_NS
    """Between two pledges of one device (SUC-023)."""
    heir_gap_ns: int = 4 * SECOND_NS
    """Between two tellings of the own genesis to one peer."""


@dataclass(frozen=True, slots=True)
class MergingConfig:
    """When two circles that meet become one (SPEC section Merging)."""

    say_ns: int = 2 * SECOND_NS
    """Between two MEET, READY or PROVE to one peer."""
    near_ns: int = 5 * SECOND_NS
    """Whose word was heard within this time counts as present."""
    acquaint_ns: int = 10 * SECOND_NS
    """For so long a circle is heard before one is made an offer (MRG-020)."""
    again_ns: int = 120 * SECOND_NS
    """Between two offers to the same circle."""
    open_us: int = 60_000_000
    """How long an offer of this device is open, from the beginning of its value."""
    stalled_ns: int = 20 * SECOND_NS
    """Who learned no decision for so long says MEET to its own circle, too."""
    prove_gap_ns: int = 100 * MS_NS
    """Between two answers to PROVE of one peer."""
    prove_cost_ns: int = 2 * SECOND_NS
    """One peer gets an answer, of 32 KiB, in so long ..."""
    prove_burst_ns: int = 32 * SECOND_NS
    """... and so much ahead (MRG-044): a long proof needs nine, some of them twice."""
    prove_all_cost_ns: int = 50 * MS_NS
    """All peers together get 20 answers a second ..."""
    prove_all_burst_ns: int = SECOND_NS
    """... and so much ahead."""
    quiet_ns: int = 150 * MS_NS
    """When no new part of a proof came for so long, the answer is over; above `prove_gap_ns`."""
    ask_on_ns: int = 500 * MS_NS
    """When nothing came at all after another question to who answered before."""
    patience_ns: int = 8 * SECOND_NS
    """How long one neighbour may take to tell one proof: then it is another one's turn."""
    told_gap_ns: int = 4 * SECOND_NS
    """Between two tellings of a circle's end to one peer."""
    refused_ns: int = 60 * SECOND_NS
    """Who sent a false proof is asked for none for so long."""


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """Spreading where devices have no links with all voters (SPEC section Spreading)."""

    fanout: int = 6
    """Partners that news is pushed to at once; the others learn of it from STATUS."""
    batch_ns: int = 5 * MS_NS
    """How long news waits for more, so that votes that come together travel together."""
    beacon_batch_ns: int = 25 * MS_NS
    """The same for beacons, which are not urgent."""
    hello_ns: int = 100 * MS_NS
    """How long a changed reach waits before it is told."""
    hello_again_ns: int = 10 * SECOND_NS
    """HELLO is said again after this long, since one may be lost."""
    beacon_us: int = 2_000_000
    """Between two beacons of a voter; all make them at the same circle time."""
    first_beacon_ns: int = 60 * MS_NS
    """From the first partner to the first beacon: others turn up in this time."""
    poll_ns: int = 3 * SECOND_NS
    """Between two questions for the time of far voters while SYNCED: two in a reading's age."""
    poll_again_ns: int = 750 * MS_NS
    """After a question to those that have not answered it: one lost datagram may carry many."""
    spare_voters: int = 2
    """So many more than q are asked, others each time: an answer may be lost."""
    fast_poll_ns: int = 200 * MS_NS
    """The same while not SYNCED and it may help, for a while."""
    fast_polls: int = 64
    slow_poll_ns: int = 400 * MS_NS
    """The same after that."""
    ask_cost_ns: int = 2 * MS_NS
    """Questions of one partner are taken 500 times a second ..."""
    ask_burst_ns: int = 500 * MS_NS
    """... and so much ahead (SPR-031): each may cost a signature."""


@dataclass(frozen=True, slots=True)
class FeelingConfig:
    """What people feel, on its way to far voters (SPEC section Inputs)."""

    lifetime_us: int = 30_000_000
    """How long a word counts, from the circle time at which it was made (INP-014)."""
    ahead_us: int = 1_000_000
    """A word made later than this after the own circle time is refused."""
    pace_us: int = 1_000_000
    """Between two words of one person: half of `EmotionConfig.change_ns`, which they keep."""
    resend_ns: int = 14 * SECOND_NS
    """A word is said again after this long at most: two in its lifetime, for less traffic."""
    resend_jitter_ns: int = 4 * SECOND_NS
    batch_ns: int = 250 * MS_NS
    """How long a word waits for others on its way; a withdrawal never waits."""
    drawn_max: int = 64
    """People without a seat whose words are kept and passed on, drawn by lot (INP-015)."""
    withdrawn_max: int = 256
    """Withdrawals remembered of people who were not heard before."""
    cost_ns: int = 20 * MS_NS
    """Words of one partner are taken 50 times a second ..."""
    burst_ns: int = 5 * SECOND_NS
    """... and so much ahead (INP-017), as after a blackout: each may cost a verification."""
    check_ns: int = 10 * MS_NS
    """Of all partners together 100 words a second are verified, and 100 more in equal parts ..."""
    own_checks_ns: int = 2_500 * MS_NS
    """... of which so much ahead (INP-019); of the others `burst_ns`."""
    forgery_ns: int = 10 * SECOND_NS
    """A partner that passed on what does not verify is not heard for so long (INP-018)."""


@dataclass(frozen=True, slots=True)
class LightConfig:
    """Governor and lamp. The limits are those of SPEC section Governor; looser ones are refused.

    `slew_per_s` is the largest change of a channel in full scales per second. `is_low_pass` adds
    the 0.2 s one-pole filter that GOV-006 recommends. `luminance_max` is Yhard. `peak_cd_m2` is
    the measured luminance of full white, None when nobody measured.
    """

    slew_per_s: float = 0.5  # GOV-006
    is_low_pass: bool = True  # GOV-006
    low_pass_s: float = 0.2  # GOV-006
    step_ns_max: int = 33_333_333  # GOV-005: one frame at 30 frames/s
    jitter_ns: int = 50 * MS_NS  # GOV-009: no less than the jitter of emission
    luminance_max: float = 0.6  # GOV-004
    peak_cd_m2: float | None = None  # GOV-008: lowers the luminance floor of a strict transition
    cap_slew_per_s: float = 0.1  # GOV-003
    cap_margin: float = 0.03  # GOV-013: luminance above a dynamic cap that is tolerated ...
    cap_patience_ns: int = SECOND_NS  # GOV-013: ... and for how long
    fall_ns: int = 500 * MS_NS  # GOV-012
    lockout_ns: int = 2 * SECOND_NS  # GOV-014
    switch_ns_min: int = 4 * SECOND_NS  # RND-012: between transitions that nothing urges
    share_max: int = 204  # RND-008: the wearer's own maximum of the collective's weight, of 255
    own_depth: int = 102  # RND-009: depth of the own breathing, of 255
    own_ceiling_percent: int = 60  # RND-009: of luminance_max, for the own light
    glow_percent: int = 8  # RND-010: of luminance_max, for the steady dim glow
    harmony_period_ds: int = 80  # RND-010: tenths of a second


@dataclass(frozen=True, slots=True)
class Config:
    """All of a peer's; those of a link are in `mesh/config.py`."""

    clock: ClockConfig = field(default_factory=ClockConfig)
    emotion: EmotionConfig = field(default_factory=EmotionConfig)
    circle: CircleConfig = field(default_factory=CircleConfig)
    relay: RelayConfig = field(default_factory=RelayConfig)
    feeling: FeelingConfig = field(default_factory=FeelingConfig)
    succession: SuccessionConfig = field(default_factory=SuccessionConfig)
    merging: MergingConfig = field(default_factory=MergingConfig)
    light: LightConfig = field(default_factory=LightConfig)
