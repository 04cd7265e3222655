"""Public randomness: repeatable by anyone, fair enough for everyone."""

from collections import Counter
from hashlib import sha256

from meritnet.subnets.draws import Draws
from meritnet.subnets.text_generation.prompts import conversation


def test_the_stream_is_plain_sha256_in_counter_mode() -> None:
    key = sha256(b"seed\0kind\0" + b"7").digest()
    assert Draws(b"seed", "kind", 7).token() == sha256(key + (1).to_bytes(8, "little")).digest()


def test_labels_separate_streams() -> None:
    tokens = {Draws(b"s", *labels).token() for labels in [("a",), ("a", 1), ("a", 2), ("b",), ()]}
    assert len(tokens) == 5


def test_numbers_are_spread_evenly() -> None:
    draws = Draws(b"even")
    counts = Counter(draws.below(5) for _ in range(5000))
    assert set(counts) == {0, 1, 2, 3, 4}
    assert max(counts.values()) - min(counts.values()) < 150  # 5 sigma


def test_a_sample_has_no_repeats_and_every_start_is_likely() -> None:
    draws = Draws(b"sample")
    firsts = Counter(draws.sample(range(4), 3)[0] for _ in range(2000))
    assert len(draws.sample(range(50), 50)) == len(set(draws.sample(range(50), 50))) == 50
    assert min(firsts.values()) > 400


def test_conversations_are_varied_and_well_formed() -> None:
    found = [conversation(Draws(b"prompts", number)) for number in range(300)]
    assert len({tuple(message.content for message in messages) for messages in found}) > 295
    for messages in found:
        assert messages[-1].role == "user"
        assert not any("{" in message.content for message in messages)
