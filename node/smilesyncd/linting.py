"""`smilesync lint`: what a light pattern is, and which safety conditions it breaks."""

import errno
import json
from dataclasses import asdict
from pathlib import Path

from smilesync.errors import Malformed, SettingsError
from smilesync.light import conditions, pattern
from smilesync.light.pattern import Pattern


def lint(given: str, *, extent_cm: int | None, is_json: bool) -> int:
    """Print the findings; return 0 if the pattern may be shown, 1 if not.

    Errors: SettingsError if `given` is neither a file nor a pattern.
    """
    decoded = read_pattern(given)
    faults = list(conditions.faults(decoded))
    if extent_cm is not None:
        fault = conditions.extent_fault(decoded, extent_cm)
        faults += [fault] if fault is not None else []
    if is_json:
        listed = [asdict(fault) for fault in faults]
        print(json.dumps({"kind": decoded.kind.name.lower(), "faults": listed}))
        return 1 if faults else 0
    for fault in faults:
        print(f"{fault.rule}: {fault.condition}\n  why: {fault.why}\n  change: {fault.change}")
    if not faults:
        rhythm = f" every {decoded.turn_ds / 10:.1f} s" if decoded.turn_ds else ""
        print(f"{decoded.kind.name.lower()}{rhythm}: keeps every condition")
    return 1 if faults else 0


def read_pattern(given: str) -> Pattern:
    """Return the pattern that a file holds or hexadecimal digits spell; raises SettingsError."""
    where, data = "pattern", given.encode("utf-8", "replace")
    try:
        if Path(given).is_file():
            where, data = given, Path(given).read_bytes()
        elif given and Path(given).is_dir():
            raise SettingsError(f"{given}: is a folder; expected a file with an encoded pattern")
    except OSError as error:
        # A pattern in hexadecimal may be too long for a file name; that is no trouble.
        if error.errno != errno.ENAMETOOLONG:
            raise SettingsError(f"{given}: {error.strerror}; expected a readable file") from error
    try:
        encoded = bytes.fromhex(data.decode("ascii"))
    except ValueError:
        if where != given:
            raise SettingsError(
                f"{given[:60]!r}: no such file, and not hexadecimal; expected a file with an "
                "encoded pattern, or its hexadecimal form"
            ) from None
        encoded = data
    try:
        return pattern.decode(encoded)
    except Malformed as error:
        raise SettingsError(f"{where}: {error.rule}: expected: {error.detail}") from error
