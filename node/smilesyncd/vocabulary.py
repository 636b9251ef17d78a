"""The words for states and switches, the same on the command line and on the control socket."""

from smilesync.commands import EmotionState, Switch

STATES = {state.name.lower(): state for state in EmotionState}

# The off button is no consent: it has a command of its own.
SWITCHES = {
    switch.name.lower(): switch for switch in Switch if switch.name and switch.name != "LIT"
}
