"""Proofs by z3: arithmetic of quorums and of leases, for all numbers there may be.

Each claim is tried as it should be, and with something left out; the first must be proved and the
second refuted, or the claim says nothing. The expressions are those of SPEC.md, written anew; a
test compares them with the core's on many numbers.
"""

from collections.abc import Iterator
from typing import NamedTuple

import z3

VOTERS_MIN, VOTERS_MAX = 4, 100_000
WINDOW_US, BASE_US, TOLERANCE_US = 1_500_000, 4_000_000, 40_000
LONGEST_US, HEARD_US = 16_000_000, 4_000_000
SECOND = z3.RealVal(1)

Formula = z3.BoolRef


class Claim(NamedTuple):
    """`given` implies `then`; `is_true` says whether that should come out."""

    name: str
    given: tuple[Formula, ...]
    then: Formula
    is_true: bool
    rules: tuple[str, ...]


def faults_of(n: z3.ArithRef) -> z3.ArithRef:
    """f of SPEC CIR-002."""
    return (n - 1) / 3


def quorum_of(n: z3.ArithRef) -> z3.ArithRef:
    """q of SPEC CIR-002."""
    return (n + faults_of(n)) / 2 + 1


def lease_of(last: z3.ArithRef, is_renewed: Formula, base: z3.ArithRef) -> z3.ArithRef:
    """L(h) of SPEC CIR-045, in us."""
    doubled = 2 * last
    return z3.If(is_renewed, z3.If(doubled > LONGEST_US, LONGEST_US, doubled), base)


def is_proved(claim: Claim) -> bool:
    """Return whether no numbers contradict the claim."""
    solver = z3.Solver()
    solver.add(*claim.given, z3.Not(claim.then))
    answer = solver.check()
    assert answer != z3.unknown, f"{claim.name}: {solver.reason_unknown()}"
    return bool(answer == z3.unsat)


def claims() -> Iterator[Claim]:
    """Return all of them, each with its faults after it."""
    yield from _quorums()
    yield from _display()
    yield from _chain()
    yield from _darkness()
    yield from _long_darkness()
    yield from _lengths()
    yield from _flashes()


def _quorums() -> Iterator[Claim]:
    n = z3.Int("n")
    f, q = faults_of(n), quorum_of(n)
    sizes = (n >= VOTERS_MIN, n <= VOTERS_MAX)
    two_thirds = 2 * n / 3
    rules = ("CIR-002",)
    yield Claim("any two quorums share more than f voters", sizes, 2 * q - n > f, True, rules)
    yield Claim("the honest alone are a quorum", sizes, q <= n - f, True, rules)
    yield Claim("no smaller quorum would do", sizes, 2 * (q - 1) - n <= f, True, rules)
    yield Claim("fault: one less than q", sizes, 2 * (q - 1) - n > f, False, rules)
    yield Claim("fault: two thirds, rounded down", sizes, 2 * two_thirds - n > f, False, rules)


def _display() -> Iterator[Claim]:
    """The display theorem of SPEC section Selection, in circle us by each device's own clock."""
    nb, na, next_nb, next_na, mine, theirs, g = z3.Ints("nb na next_nb next_na mine theirs g")
    leases = (nb >= 0, nb < na, next_nb < next_na, g > 0)
    disjoint = na <= next_nb
    first = z3.And(nb + g <= mine, mine < na - g)
    second = z3.And(next_nb + g <= theirs, theirs < next_na - g)
    near = z3.And(theirs - mine <= 2 * g, mine - theirs <= 2 * g)
    bare = z3.And(nb <= mine, mine < na), z3.And(next_nb <= theirs, theirs < next_na)
    apart = z3.And(theirs - mine <= 3 * g, mine - theirs <= 3 * g)
    rules = ("LSE-001", "CIR-024")
    never = z3.Not(z3.And(first, second))
    yield Claim("no two slots are shown at once", (*leases, disjoint, near), never, True, rules)
    yield Claim("fault: leases overlap", (*leases, near), never, False, rules)
    yield Claim("fault: clocks 3g apart", (*leases, disjoint, apart), never, False, rules)
    unguarded = z3.Not(z3.And(*bare))
    yield Claim("fault: no guard", (*leases, disjoint, near), unguarded, False, rules)


def _chain() -> Iterator[Claim]:
    """What the display theorem takes for granted: not only neighbours in the chain are disjoint."""
    ends, begins, stops, later = z3.Ints("ends begins stops later")
    after, lasts, then_after = ends <= begins, begins < stops, stops <= later
    rules = ("CIR-011", "CIR-024")
    disjoint = ends <= later
    text = "leases far apart in the chain do not overlap"
    yield Claim(text, (after, lasts, then_after), disjoint, True, rules)
    yield Claim("fault: a lease may end before it begins", (after, then_after), disjoint, False,
                rules)  # fmt: skip


def _darkness() -> Iterator[Claim]:
    """The dark bound: `cast` is when an honest voter last signed, before the quorum was lost."""
    cast, nb, shown, apart = z3.Ints("cast nb shown apart")
    g = TOLERANCE_US // 2
    timely = nb <= cast + WINDOW_US + TOLERANCE_US
    selected = shown < nb + BASE_US - g
    near = z3.And(apart <= 2 * g, -apart <= 2 * g)
    after_us = shown - cast
    rules = ("CIR-025", "LSE-001")
    given = (cast >= 0, timely, selected)
    yield Claim("dark 5.54 s after the quorum", given, after_us <= 5_540_000, True, rules)
    stopwatch = after_us + apart < 5_560_000
    yield Claim("5.56 s on a stopwatch", (*given, near), stopwatch, True, rules)
    yield Claim("fault: no bound on nb", (cast >= 0, selected), after_us <= 5_540_000, False, rules)


def _long_darkness() -> Iterator[Claim]:
    """The dark bound whatever L(h): a long lease is shown only while q voters are heard.

    With fewer than q hearing one another since `loss`, one of the q was last heard by something
    it sent before; `sent` is when. `delay` is how long that was under way.
    """
    loss, cast, nb, length, shown, sent, delay = z3.Ints("loss cast nb length shown sent delay")
    timely = nb <= cast + WINDOW_US + TOLERANCE_US
    selected = shown < nb + length - TOLERANCE_US // 2
    lawful = (cast >= 0, cast <= loss, sent <= loss, delay >= 0, timely, selected)
    any_length = (length >= 2_000_000, length <= LONGEST_US)
    given = (*lawful, *any_length)
    is_long = length > HEARD_US
    heard = z3.Implies(is_long, shown < sent + HEARD_US)
    heard_at_receipt = z3.Implies(is_long, shown < sent + delay + HEARD_US)
    dark = shown - loss <= 5_540_000
    rules = ("CIR-025", "LSE-001", "LSE-007")
    yield Claim("dark 5.54 s after the quorum, any lease", (*given, heard), dark, True, rules)
    long_dark = z3.Implies(is_long, shown - loss < HEARD_US)
    yield Claim("dark 4 s after it, long leases", (*given, heard), long_dark, True, rules)
    yield Claim("fault: long leases need nobody heard", given, dark, False, rules)
    yield Claim("fault: heard counts from receipt", (*given, heard_at_receipt), dark, False, rules)


def _lengths() -> Iterator[Claim]:
    last, base = z3.Ints("last base")
    is_renewed = z3.Bool("is_renewed")
    lawful = (base >= 2_000_000, base <= LONGEST_US, last >= 2_000_000, last <= LONGEST_US)
    length = lease_of(last, is_renewed, base)
    rules = ("CIR-045",)
    bounded = z3.And(length <= LONGEST_US, length >= 2_000_000)
    yield Claim("a lease lasts 2 to 16 s", lawful, bounded, True, rules)
    grows = z3.Implies(is_renewed, z3.And(length >= last, length <= 2 * last))
    yield Claim("a renewal is no shorter, and at most double", lawful, grows, True, rules)
    endless = z3.If(is_renewed, 2 * last, base) <= LONGEST_US
    yield Claim("fault: doubling without end", lawful, endless, False, rules)


def _flashes() -> Iterator[Claim]:
    """Permission by a run's last event: at most 2 runs in any second, 6 in any 5 (SPEC GOV)."""
    for runs, window in ((3, 1), (7, 5)):
        begins, lasts = z3.Reals(_names("b", runs)), z3.Reals(_names("l", runs))
        start = z3.Real("start")
        ordered = [b <= last for b, last in zip(begins, lasts, strict=True)]
        ordered += [last <= b for last, b in zip(lasts, begins[1:], strict=False)]
        within = z3.And(*[z3.And(last >= start, b <= start + window)
                          for b, last in zip(begins, lasts, strict=True)])  # fmt: skip
        allowed = _permissions(begins, lasts, runs - 2, window)
        none = z3.Not(within)
        name = f"no {runs} runs in {window} s"
        yield Claim(name, (*ordered, allowed), none, True, ("GOV-009",))
        by_begin = _permissions(begins, begins, runs - 2, window)
        text = f"fault: permission by when a run began, {window} s"
        yield Claim(text, (*ordered, by_begin), none, False, ("GOV-009",))


def _permissions(
    begins: list[z3.ArithRef], marks: list[z3.ArithRef], most: int, window: int
) -> Formula:
    """Each run begins only when at most `most` before it were marked within the window."""
    permitted = []
    for place, begin in enumerate(begins):
        recent = [z3.If(mark >= begin - window, 1, 0) for mark in marks[:place]]
        permitted.append(z3.Sum(recent) <= most if recent else z3.BoolVal(True))
    return z3.And(*permitted)


def _names(letter: str, count: int) -> str:
    return " ".join(f"{letter}{place}" for place in range(count))
