"""`smilesync lint --trace FILE`: is recorded light inside every limit, and where was it not?"""

import json
from collections.abc import Iterator
from pathlib import Path

from smilesync.errors import SettingsError
from smilesyncd.analyser.recording import LINE_BYTES_MAX, NoRecording, Recording, Track, judge_lines
from smilesyncd.analyser.trace import Found

SECOND_NS = 1_000_000_000
MEANING = {
    "strict-1s": "visible transitions in one second",
    "strict-5s": "visible transitions in five seconds",
    "wcag-general-1s": "WCAG general flash transitions in one second",
    "wcag-red-1s": "WCAG red flash transitions in one second",
    "extended-5s": "seconds of flashing within five",
    "red-share": "share of red in the light",
    "luminance": "luminance",
    "channel": "light of one channel",
    "negative": "negative light",
    "slew": "change of a channel between two frames",
    "current": "milliamperes",
}


def judge(path: Path, *, is_json: bool) -> int:
    """Print the verdict; return 0 if every frame is inside every limit, 1 if not.

    Errors: SettingsError if `path` cannot be read or is no recording.
    """
    try:
        with path.open("rb") as file:
            recording = judge_lines(iter(lambda: file.readline(LINE_BYTES_MAX + 1), b""))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; expected a recording of light") from error
    except NoRecording as error:
        raise SettingsError(f"{path}: {error} (docs/trace.md)") from error
    if is_json:
        print(json.dumps(_listed(recording)))
    else:
        print("\n".join(_lines(path, recording)))
    return 0 if recording.is_safe else 1


def _lines(path: Path, recording: Recording) -> Iterator[str]:
    tracks = recording.tracks
    frames = sum(track.judge.frames for track in tracks.values())
    yield f"{path}: {len(tracks)} device(s), {frames:,} frames"
    if recording.is_cut:
        yield "  the last line was cut off; everything before it is judged"
    yield "  device            seconds  frames  zones  worst 1 s, 5 s  peak  verdict"
    for device, track in tracks.items():
        judge, (short, long) = track.judge, track.judge.worst
        verdict = f"{len(judge.found)} beyond a limit" if judge.found else "inside every limit"
        yield (
            f"  {device[:16] or '-':16} {_seconds(track):8.1f} {judge.frames:7}"
            f" {track.leds:6}  {short:9}, {long:3}  {judge.peak_luminance:.2f}  {verdict}"
        )
    for device, track in tracks.items():
        by_limit: dict[str, list[Found]] = {}
        for found in track.judge.found:
            by_limit.setdefault(found.violation.limit, []).append(found)
        for limit, all_found in by_limit.items():
            yield f"  {device or '-'}: {MEANING[limit]} ({limit}), {_told(track, all_found)}"
    yield "safe: nothing flashes" if recording.is_safe else "NOT safe"


def _told(track: Track, all_found: list[Found]) -> str:
    """Tell of one limit: how often it was broken, where first, and how badly at worst."""
    first = all_found[0]
    where = "all zones together" if first.zone is None else f"zone {first.zone}"
    at_s = (first.violation.time_ns - track.start_ns) / SECOND_NS
    eye = track.observers[first.observer]
    worst = max(all_found, key=lambda found: found.violation.found).violation
    return (
        f"{len(all_found)} times, first at {at_s:.3f} s in {where} by the {eye} observer; "
        f"worst {worst.found:.4g}, allowed {worst.allowed:.4g}"
    )


def _listed(recording: Recording) -> dict[str, object]:
    return {
        "is_safe": recording.is_safe,
        "is_cut": recording.is_cut,
        "devices": {
            device: {
                "seconds": _seconds(track),
                "frames": track.judge.frames,
                "zones": track.leds,
                "starts": track.starts,
                "worst_1s": track.judge.worst[0],
                "worst_5s": track.judge.worst[1],
                "peak_luminance": round(track.judge.peak_luminance, 6),
                "peak_ma": round(track.judge.peak_ma, 3),
                "beyond": [
                    {
                        "ns": found.violation.time_ns,
                        "zone": found.zone,
                        "observer": track.observers[found.observer],
                        "limit": found.violation.limit,
                        "found": found.violation.found,
                        "allowed": found.violation.allowed,
                    }
                    for found in track.judge.found
                ],
            }
            for device, track in recording.tracks.items()
        },
    }


def _seconds(track: Track) -> float:
    return round((track.now_ns - track.start_ns) / SECOND_NS, 3)
