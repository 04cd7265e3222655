"""A chain under random calls against the specification: prices, pruning, and every epoch, to the rao.

Coldkeys register neurons, stake, unstake, set or commit and reveal weights, each call in a block of its own.
Before each epoch's block the specification predicts it from what a client reads; afterwards all must agree.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from random import Random

import pytest

from meritnet.chain.client import neurons, stake, subnets, weights
from meritnet.chain.client.client import Chain
from meritnet.chain.client.epoch_rules import EpochRules
from meritnet.chain.client.storage_key import item_prefix
from meritnet.chain.errors import DispatchFailed
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant, Manual
from meritnet.chain.rpc.session import Session
from meritnet.chain.testing import violated
from meritnet.consensus import RevealWindow, commit_hash, registration, reveal_window
from meritnet.consensus.registration import Candidate
from meritnet.validator import outlook

OWNER = KeyPair.from_uri("//Alice")
COLDKEYS = [KeyPair.from_uri(f"//{name}") for name in ("Bob", "Charlie", "Dave", "Eve", "Ferdie")]
TAO = 10**9
TEMPO, SEATS, IMMUNITY = 10, 6, 8


def number(value: int, width: int) -> bytes:
    return value.to_bytes(width, "little")


@dataclass(frozen=True)
class Promise:
    """Weights behind a commit, and the epoch that it was made in."""

    epoch: int
    period: int
    """Epochs until the reveal."""
    hotkey: KeyPair
    uids: list[int]
    values: list[int]
    salt: list[int]

    @property
    def weights(self) -> tuple[KeyPair, list[int], list[int], list[int]]:
        return self.hotkey, self.uids, self.values, self.salt


@dataclass
class World:
    """A started subnet with few seats, and what its people remember."""

    node: Node
    chain: Chain
    random: Random
    commit_reveal: bool
    rules: EpochRules
    netuid: int = 0
    hotkeys: dict[str, tuple[KeyPair, KeyPair]] = field(default_factory=dict)
    """By address: the hotkey and its coldkey."""
    promised: list[Promise] = field(default_factory=list)
    """Weights committed to and not revealed yet."""
    epochs: int = 0
    done: dict[str, int] = field(default_factory=dict)
    """How often each kind of call succeeded."""

    def found(self) -> None:
        hotkey = KeyPair.from_uri("//owner")
        self.netuid, _ = subnets.register_subnet(self.chain, OWNER, hotkey.address)
        subnets.start_subnet(self.chain, OWNER, self.netuid)
        self.hotkeys[hotkey.address] = (hotkey, OWNER)
        self.write("MaxAllowedUids", number(SEATS, 2))
        self.write("ImmunityPeriod", number(IMMUNITY, 2))
        self.write("MinNonImmuneUids", number(1, 2))
        self.write("Tempo", number(TEMPO, 2))
        self.write("CommitRevealWeightsEnabled", number(self.commit_reveal, 1))
        for name, value in asdict(self.rules).items():
            subnets.set_hyperparameter(self.chain, OWNER, self.netuid, name, value, as_root=True)

    def key(self, item: str) -> bytes:
        return item_prefix("SubtensorModule", item) + number(self.netuid, 2)

    def write(self, item: str, value: bytes) -> None:
        self.node.set_storage({self.key(item): value})

    def read(self, item: str) -> int:
        return int.from_bytes(self.node.storage(self.key(item)) or b"", "little")

    def is_before_epoch(self) -> bool:
        return self.read("LastEpochBlock") + TEMPO <= self.node.head.number + 1

    def attempt(self, kind: str, call: Callable[[], object]) -> bool:
        """Whether the chain agreed to the call."""
        try:
            call()
        except DispatchFailed:
            return False
        self.done[kind] = self.done.get(kind, 0) + 1
        return True

    def someone(self) -> tuple[KeyPair, KeyPair]:
        return self.hotkeys[self.random.choice(list(self.hotkeys))]


def register(world: World) -> None:
    """A new neuron pays the price, which falls each block and jumps; the least useful makes room."""
    coldkey = world.random.choice(COLDKEYS)
    hotkey = KeyPair.from_uri(f"//hotkey//{len(world.hotkeys)}")
    price = neurons.registration_price(world.chain, world.netuid)
    least, most = 500_000, 100 * TAO
    falling = registration.decay_price(price, registration.decay_factor(360), least, most)
    state = world.chain.epoch_state(world.netuid)
    emission = world.chain.metagraph(world.netuid).emission_rao
    candidates = [
        Candidate(
            uid, int(emission[uid]), at, world.node.head.number + 1 - at < IMMUNITY, uid == state.owner_uid
        )
        for uid, at in enumerate(state.registered_at)
    ]
    full = len(candidates) == SEATS
    uid = registration.neuron_to_prune(candidates, 1) if full else len(candidates)
    call = lambda: neurons.burned_register(world.chain, world.netuid, coldkey, hotkey.address)  # noqa: E731
    assert world.attempt("replace" if full else "register", call) == (uid is not None)
    if uid is not None:
        world.hotkeys[hotkey.address] = (hotkey, coldkey)
        assert neurons.uid_of(world.chain, world.netuid, hotkey.address) == uid
        bumped = registration.bump_price(falling, registration.BURN_INCREASE, least, most)
        assert neurons.registration_price(world.chain, world.netuid) == bumped


def add_stake(world: World) -> None:
    hotkey, _ = world.someone()
    amount, coldkey = world.random.randrange(TAO // 100, 2_000 * TAO), world.random.choice(COLDKEYS)
    world.attempt(
        "stake", lambda: stake.add_stake(world.chain, coldkey, hotkey.address, world.netuid, amount)
    )


def remove_stake(world: World) -> None:
    hotkey, coldkey = world.someone()
    held = stake.stake_on(world.chain, hotkey.address, coldkey.address, world.netuid)
    amount = world.random.choice([held, held // 3 + 1])
    world.attempt(
        "unstake", lambda: stake.remove_stake(world.chain, coldkey, hotkey.address, world.netuid, amount)
    )


def weigh(world: World) -> None:
    """Weights for some uids: set, or committed to, or an older commit revealed."""
    hotkey, _ = world.someone()
    n = len(world.chain.epoch_state(world.netuid).hotkeys)
    uids = world.random.sample(range(n), world.random.randrange(1, n + 1))
    values = [world.random.choice([0, world.random.randrange(1, 65_536)]) for _ in uids]
    if not world.commit_reveal:
        call = lambda: weights.set_weights(world.chain, world.netuid, hotkey, uids, values)  # noqa: E731
        world.attempt("set", call)
        return
    if world.promised and world.random.random() < 0.6:
        reveal(world)
        return
    salt = [world.random.randrange(65_536) for _ in range(8)]
    digest = commit_hash(hotkey.public, world.netuid, uids, values, salt, 0)
    if world.attempt("commit", lambda: weights.commit_weights(world.chain, world.netuid, hotkey, digest)):
        kept = world.chain.weight_commits(world.netuid, hotkey.address)[-1]
        assert kept.epoch == world.read("SubnetEpochIndex")
        world.promised.append(Promise(kept.epoch, kept.reveal_period or 1, hotkey, uids, values, salt))


def reveal(world: World) -> None:
    """An older commit, perhaps too early or too late: the chain agrees in its window only."""
    promise = world.random.choice(world.promised)
    window = reveal_window(promise.epoch, promise.period, world.read("SubnetEpochIndex"))
    call = lambda: weights.reveal_weights(world.chain, world.netuid, *promise.weights)  # noqa: E731
    if world.attempt("reveal", call):
        assert window is RevealWindow.OPEN
    if window is not RevealWindow.EARLY:
        world.promised.remove(promise)


def run_epoch(world: World) -> None:
    """The epoch's block, predicted before and compared after."""
    block, at = world.node.head.number + 1, world.chain.block_hash()
    state = world.chain.epoch_state(world.netuid)
    seen = outlook.run(world.chain, state, block, at)
    prediction = outlook.predict(world.chain, world.netuid, block)
    world.node.set_seal(Manual())
    world.node.seal()
    world.node.set_seal(Instant())
    after, graph = world.chain.epoch_state(world.netuid), world.chain.metagraph(world.netuid)
    assert after.epoch_index == state.epoch_index + 1
    assert after.permits == seen.output.permits
    assert tuple(tuple(row) for row in after.bonds) == seen.output.bonds
    assert tuple(graph.emission_rao.tolist()) == seen.output.combined_emission
    pots = (after.pending_owner_cut_rao, after.pending_server_rao, after.pending_validator_rao)
    pending = seen.distribution.pending
    assert pots == (pending.owner, pending.server, pending.validator)
    for hotkey, rao in prediction.rao.items():
        assert outlook.paid(world.chain, world.netuid, hotkey, block) == rao
    world.epochs += 1


def live(world: World, blocks: int) -> None:
    """Random calls and due epochs until so many blocks have passed; invariants hold after each."""
    actions = [register, add_stake, add_stake, remove_stake, weigh, weigh, weigh, weigh]
    world.found()
    until = world.node.head.number + blocks
    while world.node.head.number < until:
        run_epoch(world) if world.is_before_epoch() else world.random.choice(actions)(world)
        assert violated(world.node) is None


@pytest.fixture(scope="module")
def genesis() -> Iterator[Node]:
    with Node.open("local", seal=Instant()) as node:
        yield node


ALL_RULES = EpochRules(True, True, True, True, 40_000, 20_000)


def world_of(node: Node, seed: int, commit_reveal: bool, rules: EpochRules = EpochRules()) -> World:  # noqa: B008
    chain = Chain.in_process(lambda send: Session(node, send))
    return World(node, chain, Random(seed), commit_reveal, rules)


def test_random_calls(genesis: Node) -> None:
    with genesis.anchor() as node, (world := world_of(node, 3, commit_reveal=True)).chain:
        live(world, blocks=4 * TEMPO)
        assert world.epochs >= 3
        assert {"register", "stake", "commit", "reveal"} <= set(world.done)


@pytest.mark.slow
@pytest.mark.parametrize("rules", [EpochRules(), ALL_RULES])
@pytest.mark.parametrize("commit_reveal", [False, True])
@pytest.mark.parametrize("seed", range(100, 103))
def test_many_random_calls(genesis: Node, seed: int, commit_reveal: bool, rules: EpochRules) -> None:
    with genesis.anchor() as node, (world := world_of(node, seed, commit_reveal, rules)).chain:
        live(world, blocks=20 * TEMPO)
        assert world.epochs >= 19
        kinds = {"commit", "reveal"} if commit_reveal else {"set"}
        assert kinds | {"replace", "stake", "unstake"} <= set(world.done)
