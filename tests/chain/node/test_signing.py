"""The seal's signatures: the same each time, and true for everybody else's verifier."""

from hypothesis import given, settings
from hypothesis import strategies as st

from meritnet.chain.keys import KeyPair, verify
from meritnet.chain.node.signing import Author, Transcript, ristretto_base


def test_the_author_is_alice() -> None:
    assert Author().public == KeyPair.from_uri("//Alice").public


@settings(max_examples=20, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300))
def test_signatures_verify_and_repeat(seed: bytes, message: bytes) -> None:
    author = Author(seed)
    signature = author.sign(message)
    assert signature == Author(seed).sign(message)
    assert verify(author.public, message, signature)
    assert not verify(author.public, message + b"x", signature)
    assert author.sign(message + b"x")[:32] != signature[:32], "a nonce is never used for two messages"


def test_small_multiples_of_the_base_are_those_of_the_standard() -> None:
    # RFC 9496, appendix A.1: multiples 1 and 2 of the generator.
    assert ristretto_base(1).hex() == "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
    assert ristretto_base(2).hex() == "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919"


def test_the_transcript_is_merlins() -> None:
    # merlin's own test of equivalence (dalek-cryptography/merlin, src/transcript.rs).
    transcript = Transcript(b"test protocol")
    transcript.append(b"some label", b"some data")
    challenge = transcript.challenge(b"challenge", 32)
    assert challenge.hex() == "d5a21972d0d5fe320c0d263fac7fffb8145aa640af6e9bca177c03c7efcf0615"
