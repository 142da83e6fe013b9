from __future__ import annotations

import json
import os
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.worker.protocol import Channel, ChannelClosedError, TrialSpec

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
MESSAGES = st.dictionaries(st.text(max_size=9), JSON, max_size=5)
TEXT = st.text(max_size=9)
SPECS = st.builds(
    TrialSpec,
    scenario=TEXT,
    module=TEXT,
    file=TEXT,
    settings=st.dictionaries(TEXT, st.one_of(TEXT, st.booleans(), st.none(), st.integers()), max_size=3),
    pass_=st.sampled_from(["timing", "operators", "memory", "prepare"]),
    task_module=TEXT,
    task_file=TEXT,
    task_attribute=TEXT,
    dataset=st.none() | TEXT,
    data_dir=st.none() | TEXT,
    seed=st.integers(0, 2**63),
    threads=st.integers(1, 99),
    cores=st.lists(st.integers(0, 99), max_size=3).map(tuple),
    child_cores=st.lists(st.integers(0, 99), max_size=3).map(tuple),
    ranks=st.integers(1, 9),
    cuda=st.booleans(),
    compile_cache=TEXT,
    artifacts=TEXT,
    paths=st.lists(TEXT, max_size=3).map(tuple),
)


@pytest.fixture
def channels():
    """Return both ends of a channel."""
    ends = [Channel(sock) for sock in socket.socketpair()]
    yield ends
    for end in ends:
        end.close()


def framed(message):
    payload = json.dumps(message).encode()
    return struct.pack("!Q", len(payload)) + payload


@given(st.lists(MESSAGES, max_size=5))
def test_messages_arrive_whole_and_in_order(messages):
    ours, theirs = (Channel(sock) for sock in socket.socketpair())
    for message in messages:
        ours.send(message)
    ours.close()
    assert [theirs.receive() for _ in messages] == messages
    with pytest.raises(ChannelClosedError):
        theirs.receive()
    theirs.close()


@given(st.lists(MESSAGES, min_size=1, max_size=3), st.data())
def test_messages_may_be_cut_anywhere(messages, data):
    stream = b"".join(map(framed, messages))
    places = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]

    class Cut:
        """A socket that gives one chunk at a time, as a network does."""

        def recv(self, size):
            while chunks and not chunks[0]:
                chunks.pop(0)
            if not chunks:
                return b""
            part, chunks[0] = chunks[0][:size], chunks[0][size:]
            return part

    channel = Channel(Cut())
    assert [channel.receive() for _ in messages] == messages


def test_a_message_that_comes_byte_by_byte(channels):
    ours, theirs = channels
    message = {"event": "ready", "größe": [1.5, None]}

    def trickle():
        for byte in framed(message):
            ours.sock.sendall(bytes([byte]))

    sender = threading.Thread(target=trickle)
    sender.start()
    assert theirs.receive() == message
    sender.join()


def test_messages_of_two_threads_arrive_whole(channels):
    ours, theirs = channels
    sent = [{"text": letter * 500_000} for letter in "abcd"]
    senders = [threading.Thread(target=ours.send, args=(message,)) for message in sent]
    for sender in senders:
        sender.start()
    found = [theirs.receive() for _ in sent]
    for sender in senders:
        sender.join()
    assert sorted(found, key=lambda message: message["text"]) == sent


def test_a_message_of_many_megabytes(channels):
    ours, theirs = channels
    message = {"step_ns": list(range(10**9, 10**9 + 1_000_000)), "text": "x" * 5_000_000}
    sender = threading.Thread(target=ours.send, args=(message,))
    sender.start()
    assert theirs.receive() == message
    sender.join()


@given(MESSAGES, st.data())
def test_an_end_within_a_message_is_an_end(message, data):
    stream = framed(message)
    ours, theirs = (Channel(sock) for sock in socket.socketpair())
    ours.sock.sendall(stream[: data.draw(st.integers(0, len(stream) - 1))])
    ours.close()
    with pytest.raises(ChannelClosedError, match="closed the channel"):
        theirs.receive()
    theirs.close()


def test_sending_to_nobody(channels):
    ours, theirs = channels
    theirs.close()
    with pytest.raises(ChannelClosedError):
        ours.send({"event": "turn"})


def test_a_channel_closed_on_this_side(channels):
    ours, _theirs = channels
    ours.close()
    for use in (lambda: ours.send({}), ours.receive):
        with pytest.raises(ChannelClosedError):
            use()


def test_silence_ends_where_a_time_limit_is_set(channels):
    ours, _theirs = channels
    ours.sock.settimeout(0.01)
    with pytest.raises(ChannelClosedError, match="timed out"):
        ours.receive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork is here")
def test_a_message_is_complete_while_a_grandchild_holds_the_other_end(channels):
    ours, theirs = channels
    hold, release = os.pipe()
    child = os.fork()
    if not child:
        os.close(release)
        os.read(hold, 1)  # keeps its copy of both ends until the test has read the message
        os._exit(0)
    os.close(hold)
    ours.send({"event": "result"})
    ours.close()
    assert theirs.receive() == {"event": "result"}
    os.close(release)
    os.waitpid(child, 0)
    with pytest.raises(ChannelClosedError):
        theirs.receive()


def test_a_channel_can_be_selected_on(channels):
    import select

    ours, theirs = channels
    assert select.select([theirs], [], [], 0)[0] == []
    ours.send({})
    assert select.select([theirs], [], [], 9)[0] == [theirs]


@given(SPECS)
def test_a_trials_specification_is_read_back(spec):
    assert TrialSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
