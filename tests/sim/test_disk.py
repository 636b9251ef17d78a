"""What was synced survives; what was not survives only as whole records from the front."""

from smilesim.dice import stream
from smilesim.disk import Disk


def test_synced_records_survive_any_power_loss() -> None:
    for seed in range(50):
        disk = Disk()
        disk.write(b"one")
        disk.write(b"two")
        disk.sync()
        disk.write(b"three")

        disk.lose_power(stream(seed, "disk"))

        assert disk.records[:2] == [b"one", b"two"]


def test_the_unsynced_tail_is_cut_anywhere_even_inside_a_record() -> None:
    kept: set[int] = set()
    torn = 0
    for seed in range(200):
        disk = Disk()
        for number in range(4):
            disk.write(bytes(10 + number))
        disk.lose_power(stream(seed, "disk"))
        assert disk.records == [bytes(10 + number) for number in range(len(disk.records))]
        kept.add(len(disk.records))
        torn += disk.torn

    assert {0, 1, 2, 3} <= kept
    assert 100 < torn <= 200


def test_what_survived_is_durable_from_then_on() -> None:
    disk = Disk()
    disk.write(b"one")
    disk.lose_power(stream(1, "disk"))
    survived = list(disk.records)

    for seed in range(20):
        disk.lose_power(stream(seed, "again"))

    assert disk.records == survived
