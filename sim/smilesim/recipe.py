"""All that decides a run, in words that fit in a file; and the city that follows from it.

A scenario here is what was really run: with the number of people and the seconds the operator
asked for, so that one text and its hash say it all.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from smilesim import contacts, fidelity
from smilesim.city import City, Plan
from smilesim.contacts import Recording
from smilesim.crowd import Crowd, district, gathering
from smilesim.device import PeerMaker
from smilesim.faults.table import BYZANTINE
from smilesim.fidelity import FAST
from smilesim.meadow import meadow
from smilesim.overlap import overlapping
from smilesim.scenario import Scenario
from smilesync.circle.genesis import VOTERS_MAX
from smilesync.errors import SettingsError

SAMPLE_PEERS = 500
"""So many are built in a third of a second at most."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """A recording of real contacts: where it was, and SHA-256 of its bytes in hexadecimal."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """Equal recipes and equal code give equal digests.

    `keep_going`: a broken promise is noted and the run goes on, else it ends there.
    """

    scenario: Scenario
    seed: int
    fidelity: str = FAST
    keep_going: bool = False
    contacts: Contacts | None = None


def check(recipe: Recipe) -> None:
    """Refuse people who cannot be together, before anybody looks for them.

    Errors: SettingsError when there are too many for the fidelity or for one circle, too few for
    two, or when two sources say who is in which circle.
    """
    fidelity.check(recipe.fidelity, recipe.scenario.peers)
    scenario, source = recipe.scenario, recipe.contacts
    if scenario.circle_size and (source is not None or scenario.is_one_circle):
        raise SettingsError(
            f"circle_size {scenario.circle_size}: expected none where a recording or one_circle "
            f"says who is in which circle"
        )
    is_told = scenario.is_one_circle or scenario.circle_size or source is not None
    if scenario.overlap_percent and is_told:
        raise SettingsError(
            f"overlap_percent {scenario.overlap_percent:g}: expected no recording, one_circle "
            f"or circle_size beside it, which say who is in which circle"
        )
    check_gathering(scenario, with_contacts=source is not None)
    if scenario.overlap_percent and recipe.fidelity == fidelity.DAEMON:
        found = overlapping(scenario.peers, scenario.overlap_percent, recipe.seed)
        fidelity.check(recipe.fidelity, found.size, found.people)


def crowd(recipe: Recipe) -> Crowd:
    """Return who takes part.

    Errors: SettingsError as `check`; when a recording is not the one meant, or has too few people.
    """
    check(recipe)
    scenario, source = recipe.scenario, recipe.contacts
    if scenario.overlap_percent:
        return overlapping(scenario.peers, scenario.overlap_percent, recipe.seed)
    if scenario.is_one_circle:
        return gathering(scenario.peers, recipe.seed, scenario.second_circle)
    if source is None:
        if scenario.circle_size:
            return meadow(scenario.peers, scenario.circle_size, recipe.seed)
        return district(scenario.peers, recipe.seed)
    if contacts_of(source.path).digest != source.digest:
        raise SettingsError(f"{source.path}: expected the recording with SHA-256 {source.digest}")
    return contacts.crowd_of(_recording(source), scenario.seconds, scenario.peers)


def sample(recipe: Recipe) -> tuple[Crowd, float]:
    """Return a crowd like that of the recipe, and how many times larger that one is.

    To build one of many thousands takes minutes; what each needs, a part of it tells. Circles of
    one place and recordings are taken as they are.

    Errors: SettingsError as `crowd`.
    """
    check(recipe)
    scenario = recipe.scenario
    if scenario.is_one_circle or recipe.contacts is not None:
        return crowd(recipe), 1.0
    peers = min(scenario.peers, SAMPLE_PEERS)
    few = replace(scenario, peers=peers, circle_size=min(scenario.circle_size, peers))
    return crowd(replace(recipe, scenario=few)), scenario.peers / peers


def check_gathering(scenario: Scenario, *, with_contacts: bool = False) -> None:
    """Refuse more people in one circle than may vote in it, and a recording of many circles.

    Errors: SettingsError.
    """
    if not scenario.is_one_circle:
        return
    if with_contacts:
        raise SettingsError(f"--contacts: expected none, {scenario.name} has one circle of its own")
    if scenario.peers <= scenario.second_circle:
        raise SettingsError(
            f"--peers {scenario.peers}: expected more than the {scenario.second_circle} of the "
            f"second circle of {scenario.name}"
        )
    if scenario.peers > VOTERS_MAX:
        raise SettingsError(
            f"--peers {scenario.peers}: expected {VOTERS_MAX} at most, {scenario.name} is one "
            f"circle in which everybody votes"
        )


def has_turning(scenario: Scenario) -> bool:
    """Does some fault make voters faulty?"""
    return any(fault.kind in BYZANTINE for fault in scenario.faults)


def with_villains(scenario: Scenario, villains: int | None) -> Scenario:
    """Return the scenario with so many faulty voters in each circle; None: as it says itself.

    Errors: SettingsError where no fault makes a voter faulty.
    """
    if villains is None:
        return scenario
    if not has_turning(scenario):
        raise SettingsError(
            f"--villains {villains}: expected a scenario in which voters turn, such as fork; "
            f"{scenario.name} has no such fault"
        )
    return replace(scenario, villains=villains)


def settle(recipe: Recipe, people: Crowd, make_peer: PeerMaker | None = None) -> City:
    """Return the city, ready to run; tests replace `make_peer` to plant faults."""
    plan = Plan(recipe.scenario, people, recipe.seed, recipe.scenario.seconds)
    return City(plan, make_peer=make_peer, keep_going=recipe.keep_going, fidelity=recipe.fidelity)


def with_contacts(recipe: Recipe, path: Path, peers: int | None) -> Recipe:
    """Return the recipe with the people of a recording, at most `peers`.

    Errors: SettingsError as `crowd`, and for a file that is no recording.
    """
    check_gathering(recipe.scenario, with_contacts=True)
    source = contacts_of(path)
    people = contacts.crowd_of(_recording(source), recipe.scenario.seconds, peers)
    chosen = replace(recipe.scenario, peers=people.size)
    return replace(recipe, scenario=chosen, contacts=source)


def contacts_of(path: Path) -> Contacts:
    """Return a recording by its file; raises SettingsError when that cannot be read."""
    try:
        return Contacts(path, hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None


@lru_cache(1)
def _recording(source: Contacts) -> Recording:
    return contacts.load(source.path)
