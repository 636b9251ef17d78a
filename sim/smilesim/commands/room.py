"""Room for a city: how much memory it will need is said before it starts, and refused if too much.

Estimated from a part of its crowd, before a large one is built.
"""

from smilesim import memory, recipe
from smilesim.commands import terminal
from smilesim.fidelity import DAEMON
from smilesim.recipe import Recipe
from smilesync.errors import SettingsError


def needed_mib(asked: Recipe) -> int:
    """Return about how many MiB a city needs. Errors: SettingsError as `recipe.crowd`."""
    people, times = recipe.sample(asked)
    return memory.estimate_mib(people, times, has_tasks=asked.fidelity == DAEMON)


def check(asked: Recipe, remedy: str, *, is_twice: bool = False) -> None:
    """Say what a city will need; `is_twice`: a second one, while the first is still there.

    Errors: SettingsError with `remedy`, as what was expected, when it does not fit.
    """
    processes = 1 + is_twice
    who = f"{asked.scenario.peers} peers" + ", run twice," * is_twice
    tell(who, processes * needed_mib(asked), remedy, processes=processes)


def tell(who: str, needed_mib: int, remedy: str, *, processes: int = 1) -> None:
    """Say how much `who` will need in all. Errors: SettingsError when that is not there."""
    free_mib = memory.available_mib(processes)
    if needed_mib > free_mib:
        raise SettingsError(
            f"{who} need about {needed_mib} MiB of memory, {free_mib} MiB are free; "
            f"expected {remedy}"
        )
    terminal.remark(f"{who} will need about {needed_mib} MiB of memory")
