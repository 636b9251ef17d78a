"""Bytes of E1.31, Art-Net and DDP: ours read by others, others' read by us, nonsense by nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacn.messages.data_packet import DataPacket
from sacn.messages.sync_packet import SyncPacket
from stupidArtnet import StupidArtnet

from smilesyncd.outputs import artnet, ddp, e131
from smilesyncd.outputs.slots import UNIVERSE_BYTES, Rejected, Slots
from support.listening import read_ddp

CID = bytes(range(16))
HERE = ("127.0.0.1", 1)
SLOTS = Slots(universe=258, channels=bytes(range(1, 200)), sender=CID, sequence=77, priority=150)


def e131_stream(universe: int = 1) -> e131.E131Stream:
    return e131.E131Stream(HERE, universe, priority=120, cid=CID, name="smilesync")


def test_another_library_reads_our_e131() -> None:
    read = DataPacket.make_data_packet(tuple(e131.encode(SLOTS, "smilesync")))

    assert bytes(read.cid) == CID
    assert read.universe == 258
    assert read.priority == 150
    assert read.sequence == 77
    assert read.sourceName.rstrip("\0") == "smilesync"
    assert not read.option_StreamTerminated
    assert bytes(read.dmxData[:199]) == SLOTS.channels


def test_we_read_the_e131_of_another_library() -> None:
    written = DataPacket(tuple(CID), "other", 7, tuple(range(100)), priority=42, sequence=200)

    read = e131.decode(bytes(written.getBytes()))

    assert (read.universe, read.priority, read.sequence, read.sender) == (7, 42, 200, CID)
    assert read.channels[:100] == bytes(range(100))
    assert len(read.channels) == 512


def test_the_group_of_a_universe_holds_its_number() -> None:
    assert e131.group(1) == "239.255.0.1"
    assert e131.group(63_999) == "239.255.249.255"


@pytest.mark.parametrize("leds", [1, 170, 171, 400])
def test_a_strip_is_cut_into_universes_of_170_leds(leds: int) -> None:
    pixels = bytes(index % 251 for index in range(3 * leds))

    sent = [e131.decode(datagram) for datagram, _ in e131_stream(5)._datagrams(pixels)]

    assert [slots.universe for slots in sent] == list(range(5, 5 + len(sent)))
    assert all(len(slots.channels) <= UNIVERSE_BYTES for slots in sent)
    assert b"".join(slots.channels for slots in sent) == pixels


def test_an_e131_stream_counts_and_says_goodbye_three_times() -> None:
    stream = e131_stream()

    sent = [e131.decode(stream.frame(bytes(3))[0][0]) for _ in range(300)]
    last = [e131.decode(datagram) for datagram, _ in stream.farewell(bytes(3))]

    assert [slots.sequence for slots in sent] == [index % 256 for index in range(300)]
    assert [slots.is_terminated for slots in last] == [False, True, True, True]
    assert [slots.sequence for slots in last] == [44, 45, 46, 47]
    assert {slots.priority for slots in sent} == {120}


def test_without_a_host_each_universe_goes_to_its_group() -> None:
    stream = e131.E131Stream(None, 255, priority=100, cid=CID, name="")

    sent = stream.frame(bytes(3 * 171))

    assert [to for _, to in sent] == [
        ("239.255.0.255", 5568),
        ("239.255.1.0", 5568),
        ("239.255.0.255", 5568),
    ]


@pytest.mark.spec("OUT-002")
def test_several_universes_wait_for_one_synchronisation() -> None:
    stream = e131_stream(5)
    stream.frame(bytes(3 * 171))

    *data, sync = (datagram for datagram, _ in stream.frame(bytes(3 * 171)))

    for datagram in data:
        read = DataPacket.make_data_packet(tuple(datagram))
        assert read.syncAddr == 5
        assert read.option_ForceSync, "one that hears no synchronisation goes on"
    read_sync = SyncPacket.make_sync_packet(tuple(sync))
    assert bytes(read_sync.cid) == CID
    assert (read_sync.syncAddr, read_sync.sequence) == (5, 1)
    (alone,) = (datagram for datagram, _ in stream.frame(bytes(3)))
    assert DataPacket.make_data_packet(tuple(alone)).syncAddr == 0


def test_our_artnet_is_the_artnet_of_another_library() -> None:
    other = StupidArtnet("127.0.0.1", 0x1234 & 0xF, 6)
    other.set_simplified(False)
    other.set_net(0x12)
    other.set_subnet(0x3)
    other.set(bytearray(b"\1\2\3\4\5\6"))
    written = bytes(other.packet_header) + bytes(other.buffer)
    other.close()

    ours = artnet.encode(Slots(0x1234, b"\1\2\3\4\5\6", sequence=written[12]))

    assert ours == written


def test_an_artnet_length_is_even() -> None:
    assert artnet.decode(artnet.encode(Slots(3, b"\1\2\3"))).channels == b"\1\2\3\0"


@pytest.mark.spec("OUT-002")
def test_an_artnet_stream_counts_without_zero_and_syncs_several_universes() -> None:
    stream = artnet.ArtNetStream(HERE, 0)

    one = [artnet.decode(stream.frame(bytes(3))[0][0]).sequence for _ in range(256)]
    several = [datagram for datagram, _ in stream.frame(bytes(3 * 171))]

    assert one == [*range(1, 256), 1]
    assert several[2] == b"Art-Net\0\x00\x52\x00\x0e\x00\x00"
    assert [artnet.decode(datagram).universe for datagram in several[:2]] == [0, 1]
    assert len(stream.frame(bytes(3))) == 1


@pytest.mark.spec("OUT-002")
def test_ddp_is_what_its_page_describes() -> None:
    stream = ddp.DdpStream(HERE)
    pixels = bytes(index % 256 for index in range(3 * 1000))

    read = [read_ddp(datagram) for datagram, _ in stream.frame(pixels)]

    headers = [header for header, _ in read]
    assert [header.offset for header in headers] == [0, 1440, 2880]
    assert [header.is_push for header in headers] == [False, False, True]
    assert [header.sequence for header in headers] == [1, 2, 3]
    assert b"".join(data for _, data in read) == pixels
    for header in headers:
        assert header.version == 1
        assert header.destination == 1
        assert (header.type_number, header.bits_per_element) == (1, 8)
        assert not header.is_customer_defined
        assert (header.is_query, header.is_reply, header.is_storage) == (False, False, False)


def test_a_ddp_sequence_is_never_zero() -> None:
    stream = ddp.DdpStream(HERE)

    sequences = [read_ddp(stream.frame(bytes(3))[0][0])[0].sequence for _ in range(31)]

    assert sequences == [*range(1, 16), *range(1, 16), 1]


def test_a_ddp_timecode_is_skipped() -> None:
    datagram = bytes((0x51, 3, 0x0B, 1, 0, 0, 0, 6, 0, 3)) + b"time" + b"\7\10\11"

    assert ddp.decode(datagram) == Slots(0, b"\7\10\11", offset=6, sequence=3)


def changed(datagram: bytes, at: int, *values: int) -> bytes:
    return datagram[:at] + bytes(values) + datagram[at + len(values) :]


GOOD_E131 = e131.encode(SLOTS, "x")
GOOD_ARTNET = artnet.encode(Slots(3, bytes(12), sequence=4))
GOOD_DDP = ddp.encode(bytes(12), offset=0, sequence=1, is_push=True)


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "short"),
        (GOOD_E131[:37], "short"),
        (GOOD_E131[:100], "short"),
        (GOOD_E131[:-1], "length"),
        (GOOD_E131 + b"\0", "length"),
        (changed(GOOD_E131, 4, 0x41, 0x42), "not-e131"),
        (e131.encode_sync(CID, 1, 0), "not-light"),
        (changed(GOOD_E131, 21, 8), "not-light"),
        (changed(GOOD_E131, 21, 9), "vector"),
        (changed(GOOD_E131, 43, 9), "vector"),
        (changed(GOOD_E131, 117, 9), "vector"),
        (changed(GOOD_E131, 38, 0), "length"),
        (changed(GOOD_E131, 115, 0), "length"),
        (changed(GOOD_E131, 123, 2, 1), "slot-count"),
        (changed(GOOD_E131, 108, 201), "range"),
        (changed(GOOD_E131, 113, 0, 0), "range"),
        (changed(GOOD_E131, 113, 0xFF, 0xFF), "range"),
        (changed(GOOD_E131, 112, 0x80), "preview"),
        (changed(GOOD_E131, 125, 0xDD), "start-code"),
    ],
)
def test_e131_that_is_not_light_has_a_reason(datagram: bytes, reason: str) -> None:
    with pytest.raises(Rejected, match=f"^{reason}$"):
        e131.decode(datagram)


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"Art", "short"),
        (GOOD_ARTNET[:17], "short"),
        (GOOD_ARTNET[:-1], "length"),
        (changed(GOOD_ARTNET, 0, 0x42), "not-artnet"),
        (artnet.SYNC, "not-light"),
        (changed(GOOD_ARTNET, 10, 0, 13), "version"),
        (changed(GOOD_ARTNET, 15, 0x80), "range"),
        (changed(GOOD_ARTNET, 16, 0, 0), "slot-count"),
        (changed(GOOD_ARTNET, 16, 2, 2), "slot-count"),
    ],
)
def test_artnet_that_is_not_light_has_a_reason(datagram: bytes, reason: str) -> None:
    with pytest.raises(Rejected, match=f"^{reason}$"):
        artnet.decode(datagram)


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (GOOD_DDP[:9], "short"),
        (GOOD_DDP[:-1], "length"),
        (GOOD_DDP + b"\0", "length"),
        (changed(GOOD_DDP, 0, 0x81), "not-ddp"),
        (changed(GOOD_DDP, 0, 0x43), "not-light"),
        (changed(GOOD_DDP, 0, 0x45), "not-light"),
        (changed(GOOD_DDP, 0, 0x49), "not-light"),
        (changed(GOOD_DDP, 3, 250), "not-light"),
        (changed(GOOD_DDP, 2, 0x1B), "data-type"),
        (changed(GOOD_DDP, 4, 0xFF, 0xFF, 0xFF, 0xFF), "range"),
    ],
)
def test_ddp_that_is_not_light_has_a_reason(datagram: bytes, reason: str) -> None:
    with pytest.raises(Rejected, match=f"^{reason}$"):
        ddp.decode(datagram)


@given(
    start=st.sampled_from([b"", GOOD_E131[:126], GOOD_ARTNET[:12], GOOD_DDP[:2]]),
    rest=st.binary(max_size=700),
)
def test_no_bytes_raise_anything_else(start: bytes, rest: bytes) -> None:
    for decode in (e131.decode, artnet.decode, ddp.decode):
        try:
            slots = decode(start + rest)
        except Rejected:
            continue
        assert len(slots.channels) <= 65_535
        assert 0 <= slots.priority <= 200
