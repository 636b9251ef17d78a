"""Wearers who change their minds: what they withdraw ends at once, whatever the circle does."""

from smilesim.faults.kind import (
    AT,
    SECONDS_MAX,
    Act,
    Fault,
    Ground,
    Key,
    Kind,
    Script,
    Stage,
    Step,
    chance,
    in_order,
    moment,
    over_when,
    share,
    some,
    spread,
    ticks,
)
from smilesim.faults.wishes import WISHES
from smilesync.commands import (
    Command,
    EmotionState,
    Feel,
    Merge,
    SetConsent,
    SetOff,
    Switch,
    WishFor,
)


def _change(name: str, first: Command, second: Command) -> Script:
    """Return the script of wearers who say the first one by one, and perhaps the second later."""

    def script(fault: Fault, ground: Ground) -> list[Step]:
        entropy, back_s = chance(fault, ground), fault.numbers["back_s"]
        steps: list[Step] = []
        for index in some(range(ground.size), fault.numbers["percent"], entropy):
            steps.append(Step(moment(fault, entropy), _say(index, first, name)))
            if back_s:
                steps.append(Step(ticks(back_s), _say(index, second, name)))
        return in_order(steps)

    return script


def _say(index: int, command: Command, name: str) -> Act:
    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        stage.world.fired[name] += device.is_on
        stage.world.command(device, command)

    return act


def _moods(fault: Fault, ground: Ground) -> list[Step]:
    """Return the script of wearers who feel alike and let it be known, and perhaps take it back."""
    entropy, back_s = chance(fault, ground), fault.numbers["back_s"]
    state, who = EmotionState(int(fault.numbers["state"])), int(fault.numbers["seats"])
    voters = {index for circle in ground.circles for index in circle.members}
    struck = [i for i in range(ground.size) if who == EVERYBODY or (i in voters) is (who == SEATED)]
    steps: list[Step] = []
    for index in some(struck, fault.numbers["percent"], entropy):
        tick = moment(fault, entropy)
        said = (Feel(state), SetConsent(Switch.COLLECTIVE, on=True))
        steps += [Step(tick, _say(index, one, "mood-told")) for one in said]
        steps.append(Step(tick, _say(index, SetConsent(Switch.SHARE, on=True), "mood-shared")))
        if back_s:
            withdrawal = SetConsent(Switch.SHARE, on=False)
            steps.append(Step(ticks(back_s), _say(index, withdrawal, "mood-withdrawn")))
    return in_order(steps)


def _wish(fault: Fault, ground: Ground) -> list[Step]:
    """Return the script of wearers who each wish for a pattern, one by one."""
    entropy = chance(fault, ground)
    steps: list[Step] = []
    for index in some(range(ground.size), fault.numbers["percent"], entropy):
        pattern = WISHES[entropy.below(len(WISHES))]
        steps.append(Step(moment(fault, entropy), _say(index, WishFor(pattern), "wish-made")))
    return in_order(steps)


BACK = Key("back_s", 0, SECONDS_MAX, "when they all change their minds again; 0: never", 0)

EVERYBODY, SEATED = 0, 1
STATE = Key("state", 0, len(EmotionState) - 1, "which of the five", is_whole=True)
SEATS = Key("seats", 0, 2, "1: those with a seat; 2: those without; 0: everybody", 0, is_whole=True)

KINDS: tuple[Kind, ...] = (
    Kind(
        "moods",
        "wearers feel alike and let it be known, one by one",
        (AT, spread(2), share(100, "wearers"), STATE, SEATS, BACK),
        ("mood-shared",),
        _moods,
        over_when("back_s"),
    ),
    Kind(
        "withdraw",
        "wearers leave the collective light, one by one",
        (AT, spread(2), share(30, "wearers"), BACK),
        ("consent-withdrawn",),
        _change(
            "consent-withdrawn",
            SetConsent(Switch.COLLECTIVE, on=False),
            SetConsent(Switch.COLLECTIVE, on=True),
        ),
        over_when("back_s"),
    ),
    Kind(
        "no-merger",
        "wearers say that their circle is to merge with no other, one by one",
        (AT, spread(2), share(30, "wearers"), BACK),
        ("merger-refused",),
        _change("merger-refused", Merge(agrees=False), Merge(agrees=True)),
        over_when("back_s"),
    ),
    Kind(
        "off-wave",
        "wearers press the off button, one by one",
        (AT, spread(2), share(30, "wearers"), BACK),
        ("off-pressed",),
        _change("off-pressed", SetOff(off=True), SetOff(off=False)),
        over_when("back_s"),
    ),
    Kind(
        "wishes",
        "wearers wish for a pattern, one by one",
        (AT, spread(2), share(30, "wearers")),
        ("wish-made",),
        _wish,
        lambda fault: fault.at_s + fault.numbers["spread_s"],
    ),
)
