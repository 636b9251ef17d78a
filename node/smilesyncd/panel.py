"""What the device tells its own wearer: status, peers and the watch stream, as JSON fields.

docs/control.md describes every field; what is here is what may be known on the device itself.
"""

from collections import Counter
from functools import lru_cache

from smilesync.commands import EmotionState, Switch
from smilesync.ids import CircleId, PeerId
from smilesync.light import pattern as language
from smilesync.light.render import US_PER_DS
from smilesync.peer import Peer
from smilesync.statistics import has_forgotten
from smilesyncd.device import Device, Member
from smilesyncd.jsonlines import Fields, Json

ALIVE_NS = 5_000_000_000
NS_PER_MS = 1_000_000
NS_PER_SECOND = 1_000_000_000


def watch(device: Device) -> Fields:
    """Return one watch object: everything in it holds at its `monotonic_ns`."""
    now_ns = device.clock.now_ns()
    scene, peer = device.face.scene, device.driving.peer
    timeline = peer.clock.timeline
    circle_us = timeline.at(now_ns) if timeline is not None else None
    kind_period = rhythm(scene.pattern) if scene.pattern is not None else None
    phase: float | None = None
    if kind_period is not None and scene.timeline is not None and kind_period[1]:
        since_us = scene.timeline.at(now_ns) - scene.start_us
        phase = since_us % kind_period[1] / kind_period[1]
    return {
        "monotonic_ns": now_ns,
        "circle_us": circle_us,
        "is_synced": peer.clock.is_synced,
        "drives": device.driving.name if len(device.circles) > 1 else None,
        "rung": scene.rung.name,
        "slot": scene.slot,
        "is_selected": scene.is_selected,
        "pattern": _pattern_fields(kind_period),
        "phase": phase,
        "peers": _alive_count(device, now_ns),
        "emotion": peer.board.state.name.lower(),
        "feelings": feelings(peer),
        "consent": consent_fields(peer.board.switches),
        "zones": [list(codes) for codes in device.face.codes],
        "is_playing": device.face.core.is_playing,
        "agrees_to_merge": peer.belonging.agrees_to_merge,
        "ended_into": _hex(peer.belonging.into),
        **suggestion_fields(device),
    }


def status(device: Device) -> Fields:
    """Return the status object."""
    now_ns = device.clock.now_ns()
    driving = device.driving
    known = driving.peer.statistics(now_ns)
    host, port = device.socket.address
    return {
        "name": device.name,
        "identity": driving.peer.me.hex(),
        "version": device.version,
        "uptime_s": (now_ns - device.started_ns) // NS_PER_SECOND,
        "address": f"{host}:{port}",
        "rung": device.face.scene.rung.name,
        "is_synced": known.is_synced,
        "circle_us": known.circle_us,
        "error_us": known.error_us,
        "emotion": known.own_state.name.lower(),
        "consent": consent_fields(known.switches),
        **suggestion_fields(device),
        "design": device.wardrobe.name,
        **membership(device, driving, now_ns),
        "view": known.view,
        "circles": [membership(device, member, now_ns) for member in device.circles],
        "neighbours": _alive_count(device, now_ns),
        "counters": _counters(device, now_ns),
    }


def membership(device: Device, member: Member, now_ns: int) -> Fields:
    """Return what one circle is to the device; of one without a circle most is null or false."""
    known = member.peer.statistics(now_ns)
    return {
        "circle_name": member.name,
        "circle": member.current.hex() if member.current is not None else None,
        "succeeds": member.succeeds.hex() if member.succeeds is not None else None,
        "has_abandoned": member.peer.belonging.has_abandoned,
        **merging_fields(member),
        "drives": member.name == device.stage.driving,
        "is_chosen": member.name == device.stage.chosen,
        "has_left": member.name in device.stage.left,
        "is_leaving": _is_leaving(member.peer),
        "circle_rung": known.rung.name,
        "slot": known.slot,
        "decided_slot": known.decided_slot,
        "voters": known.voters,
        "liars_borne": known.faults,
        "is_voter": known.is_voter,
        "is_amnesic": known.is_amnesic,
        "is_asking": known.is_asking,
        "feelings": feelings(member.peer),
        "heard": sum(age_ns <= ALIVE_NS for _, age_ns in known.neighbours),
    }


def feelings(peer: Peer) -> Json:
    """Return how many people feel what, as the circle decided last; null where it does not say."""
    value = peer.circle.chain.head().value if peer.circle is not None else None
    if value is None or value.inputs is None:
        return None
    return {state.name.lower(): value.inputs[state] for state in EmotionState}


def _is_leaving(peer: Peer) -> bool:
    """Has the wearer left, be it that the key is gone already? The next start makes another."""
    if peer.circle is None or peer.belonging.has_abandoned:
        return False
    return peer.circle.members.reception.is_leaving or peer.circle.around.signer is None


def _hex(circle: CircleId | None) -> str | None:
    return circle.hex() if circle is not None else None


def merging_fields(member: Member) -> Fields:
    """Return what there is to say of mergers with other circles."""
    belonging = member.peer.belonging
    return {
        "agrees_to_merge": belonging.agrees_to_merge,
        "ended_into": _hex(belonging.into),
        "came_from": [one.hex() for one in belonging.came_from],
    }


def peers(device: Device) -> Fields:
    """Return what is known of the neighbours, of each circle's own."""
    now_ns = device.clock.now_ns()
    listed: list[Json] = []
    for member in device.members:
        listed += _peers_of(member, now_ns)
    return {"peers": listed}


def _peers_of(member: Member, now_ns: int) -> list[Json]:
    addresses = {one.peer: one.address for one in member.link.statistics().sessions}
    emotions = dict(member.peer.board.held(now_ns))
    listed: list[Json] = []
    for peer, age_ns in member.peer.neighbours.ages_ns(now_ns):
        address = addresses.get(peer)
        emotion = emotions.get(peer)
        listed.append(
            {
                "identity": peer.hex(),
                "circle_name": member.name,
                "age_ms": age_ns // NS_PER_MS,
                "address": f"{address[0]}:{address[1]}" if address is not None else None,
                "emotion": emotion.name.lower() if emotion is not None else None,
                "is_alive": age_ns <= ALIVE_NS,
            }
        )
    return listed


def circle(member: Member, now_ns: int) -> Fields:
    """Return who belongs to the circle; what is not known is null. Only of a member of one."""
    mine = member.peer.circle
    assert mine is not None
    members = mine.members
    roster, state, wish = mine.roster, mine.around.state, members.reception.wish

    def person(identity: PeerId) -> Json:
        heard_ns = members.presence.heard_ns(identity)
        is_me = identity == member.peer.me
        is_heard = heard_ns >= 0 and not is_me
        age_ms = max(0, now_ns - heard_ns) // NS_PER_MS
        return {
            "identity": identity.hex(),
            "is_me": is_me,
            "heard_ms": age_ms if is_heard else None,
        }

    put_out = state.expelled + state.struck if state is not None else ()
    told = None
    if wish is not None:
        told = "join" if wish.leaves_after_slot is None else "leave"
    return {
        "circle": roster.circle.hex(),
        "circle_name": member.name,
        "policy": mine.around.parameters.policy.name.lower(),
        "slot": mine.slot.number,
        "quorum": roster.quorum,
        "liars_borne": roster.faults,
        "is_voter": mine.around.me is not None,
        "is_amnesic": has_forgotten(mine),
        "asks_for_key": mine.around.spare is not None,
        "voters": [person(one) for one in roster.identities],
        "standby": [person(one) for one in members.standby] if state is not None else None,
        "expelled": [one.hex() for one in put_out] if state is not None else None,
        "wish": told,
    }


def consent_fields(switches: Switch) -> dict[str, Json]:
    """Return each switch by its name."""
    return {(switch.name or "").lower(): switch in switches for switch in Switch}


def suggestion_fields(device: Device) -> Fields:
    """Return the sensor's hint that waits for an answer, and what accepting it would display."""
    pending = device.driving.peer.board.suggestion
    if pending is None:
        return {"suggestion": None, "suggested_emotion": None}
    is_activated = pending.state in (EmotionState.EXCITED, EmotionState.HIGH)
    return {
        "suggestion": "activated" if is_activated else "calm",
        "suggested_emotion": pending.state.name.lower(),
    }


@lru_cache(maxsize=8)
def rhythm(encoded: bytes) -> tuple[str, int]:
    """Return kind and period in us of a certified pattern; the period of a steady one is 0."""
    decoded = language.decode(encoded)
    return decoded.kind.name.lower(), decoded.turn_ds * US_PER_DS


def _pattern_fields(kind_period: tuple[str, int] | None) -> Json:
    if kind_period is None:
        return None
    return {"kind": kind_period[0], "period_us": kind_period[1]}


def _alive_count(device: Device, now_ns: int) -> int:
    """Return how many devices were heard just now; one in two circles is one device."""
    heard = {
        peer
        for member in device.members
        for peer, age_ns in member.peer.neighbours.ages_ns(now_ns)
        if age_ns <= ALIVE_NS
    }
    return len(heard)


def _counters(device: Device, now_ns: int) -> Json:
    """Return counts of all memberships together."""
    socket, frames = device.socket.statistics(), device.face.counts
    link_drops, message_drops = Counter[str](), Counter[str]()
    links = 0
    for member in device.members:
        link = member.link.statistics()
        links += len(link.sessions)
        link_drops.update(dict(link.drops))
        message_drops.update(dict(member.peer.statistics(now_ns).dropped))
    return {
        "frames_sent": frames.sent,
        "frames_late": frames.late,
        "frames_lost": frames.lost,
        "datagrams_received": socket.received,
        "datagrams_sent": socket.sent,
        "receive_errors": socket.receive_errors,
        "send_errors": socket.send_errors,
        "links": links,
        "journal_bytes": sum(member.journal.size_bytes for member in device.members),
        "link_drops": dict(link_drops),
        "message_drops": dict(message_drops),
    }
