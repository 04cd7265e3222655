"""From a call to a receipt: every way that it can end, on the real runtime."""

import contextlib
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meritnet.chain.client import Chain
from meritnet.chain.client.codec import Call, Codec, codec_of
from meritnet.chain.client.stake import transfer
from meritnet.chain.client.submission import Receipt
from meritnet.chain.errors import (
    ChainError,
    CodecError,
    DeadlineExceeded,
    DispatchFailed,
    TransactionRejected,
)
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.rpc.server import serving
from meritnet.chain.rpc.session import Session
from meritnet.chain.scale import Reader
from meritnet.chain.types import BlockNumber

TAO = 10**9


def remark(text: bytes = b"hi") -> Call:
    return Call("System", "remark_with_event", {"remark": text})


def too_much(to: KeyPair) -> Call:
    return Call("Balances", "transfer_keep_alive", {"dest": to.address, "value": 10**18})


def test_a_receipt_tells_block_fee_and_events(chain: Chain, alice: KeyPair, bob: KeyPair) -> None:
    before = chain.balance(bob.address)
    receipt = transfer(chain, alice, bob.address, 5 * TAO)
    assert chain.balance(bob.address) == before + 5 * TAO
    assert (receipt.block_number, receipt.block_hash) == (chain.head(), chain.block_hash())
    assert receipt.fee_rao > 0
    event = receipt.event("Balances", "Transfer")
    assert event is not None
    assert event["amount"] == 5 * TAO
    assert receipt.event("Balances", "NoSuchEvent") is None


def test_events_of_any_block_are_read_and_the_last_are_kept(chain: Chain, alice: KeyPair) -> None:
    assert chain.events(chain.block_hash(BlockNumber(0))) == ()
    for _ in range(20):
        chain.submit(remark(), alice)
    found = chain.events(chain.block_hash())
    assert [event.name for event in found if event.extrinsic == 1][-1] == "ExtrinsicSuccess"
    assert chain.events(chain.block_hash()) is found
    assert len(chain._events) == 16


def test_the_fee_is_told_before(chain: Chain, alice: KeyPair, bob: KeyPair) -> None:
    call = Call("Balances", "transfer_keep_alive", {"dest": bob.address, "value": TAO})
    assert chain.fee(call, alice) == pytest.approx(chain.submit(call, alice).fee_rao, rel=0.001)


def test_an_ed25519_account_signs_too(chain: Chain, alice: KeyPair) -> None:
    pair = KeyPair.from_uri("//Somebody", "ed25519")
    transfer(chain, alice, pair.address, 10 * TAO)
    assert chain.submit(remark(), pair).event("System", "Remarked") is not None


def test_a_failed_call_has_the_runtime_s_name_and_words(chain: Chain, alice: KeyPair, bob: KeyPair) -> None:
    with pytest.raises(DispatchFailed) as caught:
        chain.submit(Call("Sudo", "sudo", {"call": remark()}), bob)
    assert (caught.value.pallet, caught.value.name) == ("Sudo", "RequireSudo")
    assert caught.value.docs == "Sender must be the Sudo account."
    with pytest.raises(DispatchFailed, match=r"Arithmetic\.Underflow"):
        chain.submit(too_much(bob), alice)


@pytest.mark.parametrize("outer", ["sudo", "batch", "force_batch"])
def test_a_call_that_fails_inside_another_is_a_failure(
    chain: Chain, alice: KeyPair, bob: KeyPair, outer: str
) -> None:
    inner = too_much(bob)
    call = Call("Utility", outer, {"calls": [remark(), inner]})
    if outer == "sudo":
        call = Call("Sudo", "sudo", {"call": inner})
    with pytest.raises(DispatchFailed, match=r"Arithmetic\.Underflow|BadOrigin"):
        chain.submit(call, alice)


def test_an_account_without_money_is_refused_by_the_pool_with_a_hint(chain: Chain) -> None:
    poor, _ = KeyPair.generate()
    with pytest.raises(TransactionRejected, match="pay some fees") as caught:
        chain.submit(remark(), poor)
    assert "fund" in caught.value.hint
    assert chain.head() == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (Call("NoPallet", "x"), "no call NoPallet.x"),
        (Call("System", "no_call"), "no call System.no_call"),
        (Call("System", "remark", {}), r"takes \(remark\)"),
        (Call("System", "remark", {"remark": b"", "more": 1}), r"takes \(remark\)"),
        (Call("Sudo", "sudo", {"call": Call("System", "remark")}), "System.remark takes"),
        (Call("Balances", "transfer_keep_alive", {"dest": "5x", "value": 1}), "does not take these"),
        (Call("Balances", "transfer_keep_alive", {"dest": bytes(32), "value": -1}), "does not take these"),
    ],
    ids=str,
)
def test_a_call_that_does_not_fit_is_refused_here(
    chain: Chain, alice: KeyPair, call: Call, words: str
) -> None:
    with pytest.raises(CodecError, match=words):
        chain.submit(call, alice)


def test_nobody_sealing_meets_the_deadline_and_says_so(manual_chain: Chain, alice: KeyPair) -> None:
    with pytest.raises(DeadlineExceeded, match="none of the 0 blocks") as caught:
        manual_chain.submit(remark(), alice, timeout_s=0.05)
    assert "sealing" in caught.value.hint
    assert manual_chain.request("author_pendingExtrinsics")


def sealed_from_aside(node: Node) -> Iterator[None]:
    stop = threading.Event()

    def seal() -> None:
        while not stop.wait(0.005):
            node.seal()

    thread = threading.Thread(target=seal)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.fixture
def beating(node: Node) -> Iterator[None]:
    """Blocks come one after another, whatever the pool holds."""
    yield from sealed_from_aside(node)


@pytest.mark.usefixtures("beating")
def test_threads_that_sign_with_one_key_all_get_their_receipt(manual_chain: Chain, alice: KeyPair) -> None:
    receipts, failures = [], []

    def send(number: int) -> None:
        try:
            receipts.append(manual_chain.submit(remark(bytes([number])), alice, timeout_s=30))
        except ChainError as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len({receipt.extrinsic_hash for receipt in receipts}) == 8


@pytest.mark.usefixtures("chain")
def test_a_submission_over_a_socket_survives_the_loss_of_its_connection(node: Node, alice: KeyPair) -> None:
    with serving(node) as endpoint, Chain.connect(endpoint) as chain:
        chain.submit(remark(), alice)
        chain._transport._link.close()  # type: ignore[attr-defined]
        assert chain.submit(remark(), alice).block_number == 2


@pytest.mark.slow
@pytest.mark.usefixtures("beating")
def test_no_submission_is_lost_or_doubled_when_connections_break(
    node: Node, alice: KeyPair, bob: KeyPair
) -> None:
    free = {key.address: node_balance(node, key) for key in (alice, bob)}
    receipts: list[Receipt] = []
    failures: list[ChainError] = []
    stop = threading.Event()
    with serving(node) as endpoint, Chain.connect(endpoint) as chain:

        def send(signer: KeyPair, target: KeyPair) -> None:
            while not stop.is_set():
                try:
                    receipts.append(transfer(chain, signer, target.address, TAO))
                except ChainError as error:
                    failures.append(error)

        pairs = [(alice, bob), (bob, alice)] * 3
        threads = [threading.Thread(target=send, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for _ in range(10):
            stop.wait(0.2)
            chain._transport._link.close()  # type: ignore[attr-defined]
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert len({receipt.extrinsic_hash for receipt in receipts}) == len(receipts) > 3
    sent = {key.address: 0 for key in (alice, bob)}
    for receipt in receipts:
        event = receipt.event("Balances", "Transfer")
        assert event is not None
        sent[event["from"]] += 1
    moved = (sent[alice.address] - sent[bob.address]) * TAO
    gained = node_balance(node, bob) - free[bob.address]
    assert gained == pytest.approx(moved, abs=TAO), (
        "each receipt moved one TAO, and nothing else did, fees aside"
    )


def node_balance(node: Node, key: KeyPair) -> int:
    with Chain.in_process(lambda send: Session(node, send)) as chain:
        return chain.balance(key.address)


def test_a_transaction_that_the_pool_loses_is_rejected(
    node: Node, manual_chain: Chain, alice: KeyPair
) -> None:
    rejected: list[Exception] = []
    before = node.snapshot()

    def send() -> None:
        try:
            manual_chain.submit(remark(), alice, timeout_s=30)
        except ChainError as error:
            rejected.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    while not node.pending():
        assert thread.is_alive(), rejected
    node.revert(before)
    while thread.is_alive():
        node.seal()
        thread.join(0.01)
    assert [type(error) for error in rejected] == [TransactionRejected]
    assert "dropped" in str(rejected[0])


def test_a_block_of_the_future_is_an_error(chain: Chain) -> None:
    with pytest.raises(ChainError, match="no block 1000"):
        chain.block_hash(BlockNumber(1000))


def test_waiting_for_a_block_ends_with_it_or_in_time(manual_chain: Chain) -> None:
    assert manual_chain.advance(3) == 3
    assert manual_chain.wait_for_block(BlockNumber(2), 0) == 3
    with pytest.raises(
        DeadlineExceeded, match=r"block 9 did not come within 0\.05 s; the chain is at block 3"
    ):
        manual_chain.wait_for_block(BlockNumber(9), 0.05)


@pytest.mark.usefixtures("beating")
def test_waiting_sees_blocks_of_others(manual_chain: Chain) -> None:
    assert manual_chain.wait_for_block(BlockNumber(4), 20) >= 4


def test_time_goes_back_to_a_snapshot(manual_chain: Chain) -> None:
    manual_chain.advance(2)
    name = manual_chain.snapshot()
    assert manual_chain.advance(5) == 7
    assert manual_chain.revert(name) == 2


def test_a_node_without_development_methods_says_how_to_get_them(node: Node) -> None:
    with Chain.in_process(lambda send: Session(node, send)) as chain, pytest.raises(ChainError) as caught:
        chain.advance()
    assert "--dev-rpc" in caught.value.hint


def test_a_runtime_without_an_api_says_that_it_is_another_one(chain: Chain) -> None:
    with pytest.raises(ChainError, match="no NoSuchApi_method") as caught:
        chain.call_api("NoSuchApi_method")
    assert "Meritnet chain" in caught.value.hint


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_events_or_a_codec_error(meritnet_codec: Codec, data: bytes) -> None:
    with contextlib.suppress(CodecError):
        meritnet_codec.events(data)


@pytest.fixture(scope="module")
def meritnet_codec(meritnet_template: Node) -> Codec:
    metadata = Reader(meritnet_template.call("Metadata_metadata", b"")).octets()
    return codec_of(metadata)


@settings(max_examples=10)
@given(st.binary(max_size=100))
def test_metadata_that_is_none_is_a_codec_error(data: bytes) -> None:
    with pytest.raises(CodecError, match="metadata"):
        Codec(data)


def test_two_clients_of_one_process_share_the_decoded_metadata(node: Node) -> None:
    with (
        Chain.in_process(lambda send: Session(node, send)) as one,
        Chain.in_process(lambda send: Session(node, send)) as other,
    ):
        assert one.codec is other.codec


def test_a_storage_map_of_many_pages_is_whole(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    from meritnet.chain.client import client
    from meritnet.chain.client.storage_key import item_prefix

    whole = chain.storage_map(item_prefix("System", "Account"))
    monkeypatch.setattr(client, "PAGE", 2)
    assert chain.storage_map(item_prefix("System", "Account")) == whole
    assert len(whole) >= 6
