"""The epoch that the runtime runs in a block against the specification, bit for bit and to the rao.

Each case writes a whole subnet in a random state into the storage of an embedded node, so that all of the
chain's invariants hold, lets one block be made, and compares everything that the epoch stored and paid.
MERITNET_DIFFERENTIAL_SUBNETS sets how many are tried in the slow tier; a case is known by its seed.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import pytest

from meritnet.chain.client.epoch_rules import EpochRules
from meritnet.chain.client.storage_key import blake2_128_concat, identity, item_prefix, twox_64_concat
from meritnet.chain.node.node import Node
from meritnet.chain.testing import violated
from meritnet.consensus import vectors
from meritnet.consensus.commit import average_volatility, reveal_period, volatility
from meritnet.consensus.emission import Pots
from meritnet.consensus.outlook import Outlook, Treasury, outlook
from meritnet.consensus.params import LiquidAlphaMode, Params
from meritnet.consensus.share_pool import SharePool
from meritnet.consensus.stake_average import StakeHistory
from meritnet.consensus.state import EpochInput, Row

SUBNETS = int(os.environ.get("MERITNET_DIFFERENTIAL_SUBNETS", "500"))
NETUID = (1).to_bytes(2, "little")
HEAD = 60
"""The head on which every case builds; the epoch runs in the next block."""
EPOCH_INDEX, REVEAL_PERIOD = 10, 2
UNREGISTERED = bytes([200]) * 32
"""The owner's hotkey where the owner has no uid."""
STAKED_AT_MOST = 10**15
"""Each uid's stake, so that a dozen of them stay below the supply."""

Storage = dict[bytes, bytes]


def hotkey(uid: int) -> bytes:
    return bytes([100 + uid]) * 32


def coldkey(uid: int) -> bytes:
    return bytes([50 + uid]) * 32


DELEGATOR, SUBNET_OWNER = bytes([7]) * 32, coldkey(0)


def item(name: str, *keys: bytes, hasher: Callable[[bytes], bytes] = identity) -> bytes:
    """The key of a storage item; `hasher` hashes the first of its keys, the others stand as they are."""
    first, *others = keys or (b"",)
    return item_prefix("SubtensorModule", name) + (hasher(first) if keys else b"") + b"".join(others)


def number(value: int, width: int = 8) -> bytes:
    return value.to_bytes(width, "little", signed=value < 0)


def vector(values: Sequence[int], width: int) -> bytes:
    assert len(values) < 64
    return bytes([len(values) << 2]) + b"".join(number(int(value), width) for value in values)


def stored_row(row: Row) -> bytes:
    return bytes([len(row) << 2]) + b"".join(number(uid, 2) + number(value, 2) for uid, value in row)


@dataclass(frozen=True)
class Scenario:
    """A subnet before its epoch. `pools` has the stake behind each hotkey and who holds how many shares."""

    state: EpochInput
    params: Params
    rules: EpochRules
    cutoff_factor_milli: int
    last_epoch: int
    histories: list[StakeHistory | None]
    """How each hotkey's stake changed since the last epoch, where it did."""
    volatility_q32: int
    pots: Pots
    emits: bool
    owner_cut: int
    takes: list[int]
    pools: list[tuple[SharePool, dict[bytes, int]]]

    @property
    def owner_hotkey(self) -> bytes:
        return UNREGISTERED if self.state.owner_uid is None else hotkey(self.state.owner_uid)


def scenario(random: Random, n: int) -> Scenario:
    """A random subnet of n uids whose epoch runs in the block after `HEAD`."""
    block = HEAD + 1
    state, params = vectors.random_epoch(random, n, block), vectors.random_params(random)
    factor = random.choice([13_889, 1_000, 50_000])
    pools = [pool(random, uid) for uid in range(n)]
    # The chain keeps no bonds of those who had no permit.
    in_force = [permit or uid == state.owner_uid for uid, permit in enumerate(state.permits)]
    bonds = [row if permit else () for row, permit in zip(state.bonds, in_force, strict=True)]
    last_epoch = random.randrange(HEAD)
    rules = EpochRules(
        carry_dust=random.random() < 0.3,
        absent_as_zero=params.absent_as_zero,
        average_stake=random.random() < 0.3,
        dated_weights=bool(state.weights_at),
        deviation_cost=params.deviation_cost,
        reveal_target=random.choice([0, 0, 65_535, random.randrange(65_536)]),
    )
    histories = [random.choice([None, history(random, last_epoch)]) for _ in range(n)]
    stakes = [shared.value for shared, _ in pools]
    if rules.average_stake:
        known = [given or StakeHistory(0, last_epoch) for given in histories]
        stakes = [one.average(stake, last_epoch, block) for one, stake in zip(known, stakes, strict=True)]
    return Scenario(
        state=replace(
            state,
            alpha_stake=stakes,
            tao_stake=[0] * n,
            bonds=bonds,
            consensus=state.consensus or [0] * n,  # the chain keeps an entry for every uid
        ),
        params=replace(params, activity_cutoff=factor * params.tempo // 1_000),
        rules=rules,
        cutoff_factor_milli=factor,
        last_epoch=last_epoch,
        histories=histories,
        volatility_q32=random.choice([0, random.randrange(2**32)]),
        pots=Pots(*(random.choice([0, random.randrange(10**13)]) for _ in range(3))),
        emits=random.random() < 0.7,
        owner_cut=random.choice([11_796, 0, 65_535]),
        takes=[random.choice([11_796, 0, 65_535, random.randrange(65_536)]) for _ in range(n)],
        pools=pools,
    )


def history(random: Random, last_epoch: int) -> StakeHistory:
    """A hotkey's stake at some blocks since the last epoch."""
    found = StakeHistory(0, last_epoch)
    for block in sorted(random.sample(range(last_epoch, HEAD + 1), min(2, HEAD + 1 - last_epoch))):
        found = found.changed(random.randrange(STAKED_AT_MOST), block)
    return found


def pool(random: Random, uid: int) -> tuple[SharePool, dict[bytes, int]]:
    """The owner's and a delegator's stake with a history of dividends."""
    shared, held = SharePool(), {}
    for holder in (coldkey(uid), DELEGATOR):
        shared, bought = shared.deposit(random.choice([0, random.randrange(STAKED_AT_MOST // 3)]))
        held |= {holder: bought} if bought else {}
        shared = shared.reward(random.randrange(STAKED_AT_MOST // 6)) or shared
    return shared, held


def written(case: Scenario, balances: int) -> Storage:
    """The storage of the subnet, such that the chain's invariants hold given the balances' total."""
    state, n = case.state, len(case.state.alpha_stake)
    staked = sum(shared.value for shared, _ in case.pools)
    storage = {
        item("NetworksAdded", NETUID): b"\1",
        item("SubnetworkN", NETUID): number(n, 2),
        item("SubnetOwner", NETUID): SUBNET_OWNER,
        item("SubnetOwnerHotkey", NETUID): case.owner_hotkey,
        item("Owner", UNREGISTERED, hasher=blake2_128_concat): SUBNET_OWNER,
        item("TotalIssuance"): number(balances + staked + case.pots.total),
        item("TotalStake"): number(staked),
        item("SubnetTAO", NETUID): number(staked),
        item("SubnetAlphaOut", NETUID): number(staked),
        item("PendingOwnerCut", NETUID): number(case.pots.owner),
        item("PendingServerEmission", NETUID): number(case.pots.server),
        item("PendingValidatorEmission", NETUID): number(case.pots.validator),
        item("SubnetOwnerCut"): number(case.owner_cut, 2),
        item("LastMechansimStepBlock", NETUID): number(state.last_step),
        item("LastEpochBlock", NETUID): number(case.last_epoch),
        item("ConsensusVolatility", NETUID): number(case.volatility_q32),
        item("SubnetEpochIndex", NETUID): number(EPOCH_INDEX),
        item("PendingEpochAt", NETUID): number(state.block),
        item("LastUpdate", NETUID): vector(state.last_update, 8),
        item("ValidatorPermit", NETUID): vector(state.permits, 1),
        item("Active", NETUID): vector([0] * n, 1),
        item("Emission", NETUID): vector([0] * n, 8),
    }
    storage[item("Consensus", NETUID)] = vector(state.consensus, 2)
    for name in ("Incentive", "Dividends", "ValidatorTrust", "StakeWeight"):
        storage[item(name, NETUID)] = vector([0] * n, 2)
    if case.emits:
        storage |= {
            item("FirstEmissionBlockNumber", NETUID): number(1),
            item("SubtokenEnabled", NETUID): b"\1",
        }
    for uid in range(n):
        storage |= neuron(case, uid)
    return storage | hyperparameters(case)


def neuron(case: Scenario, uid: int) -> Storage:
    key, state, (shared, held) = hotkey(uid), case.state, case.pools[uid]
    storage = {
        item("Keys", NETUID, number(uid, 2)): key,
        item("Uids", NETUID, blake2_128_concat(key)): number(uid, 2),
        item("IsNetworkMember", key, NETUID, hasher=blake2_128_concat): b"\1",
        item("Owner", key, hasher=blake2_128_concat): coldkey(uid),
        item("Delegates", key, hasher=blake2_128_concat): number(case.takes[uid], 2),
        item("BlockAtRegistration", NETUID, number(uid, 2)): number(state.registered_at[uid]),
        item("Weights", NETUID, number(uid, 2)): stored_row(state.weights[uid]),
        item("Bonds", NETUID, number(uid, 2)): stored_row(state.bonds[uid]),
        item("TotalHotkeyAlpha", key, NETUID, hasher=blake2_128_concat): number(shared.value),
        item("TotalHotkeyShares", key, NETUID, hasher=blake2_128_concat): number(shared.shares, 16),
    }
    for holder, shares in held.items():
        storage[item("Alpha", key, blake2_128_concat(holder), NETUID, hasher=blake2_128_concat)] = number(
            shares, 16
        )
    if state.weights_at:
        storage[item("WeightsMadeAt", NETUID, number(uid, 2))] = number(state.weights_at[uid])
    known = case.histories[uid]
    if known is not None:
        storage[stake_integral(key)] = number(known.integral, 16) + number(known.since)
    committed = state.oldest_commit_block[uid]
    if committed is not None:
        # the subnet's period where a commit has none of its own, as if it were 0
        own = 5 if case.rules.reveal_target else 0
        period = own or REVEAL_PERIOD
        still_open, expired = EPOCH_INDEX + 1 - period, EPOCH_INDEX - period
        queue = [(expired, committed // 2), (still_open, committed), (EPOCH_INDEX, committed + 1)]
        commits = b"".join(bytes(32) + number(epoch) + number(block) + number(own) for epoch, block in queue)
        storage[item("WeightCommits", NETUID, twox_64_concat(key), hasher=twox_64_concat)] = b"\x0c" + commits
    return storage


def stake_integral(key: bytes) -> bytes:
    return item("StakeIntegral", NETUID, blake2_128_concat(key))


def hyperparameters(case: Scenario) -> Storage:
    params, rules = case.params, case.rules
    widths = {
        "Tempo": (params.tempo, 2),
        "Kappa": (params.kappa, 2),
        "BondsPenalty": (params.bonds_penalty, 2),
        "BondsMovingAverage": (params.bonds_moving_average, 8),
        "AlphaSigmoidSteepness": (params.alpha_sigmoid_steepness, 2),
        "AlphaValues": (params.alpha_low | params.alpha_high << 16, 4),
        "MaxAllowedValidators": (params.max_allowed_validators, 2),
        "ActivityCutoffFactorMilli": (case.cutoff_factor_milli, 4),
        "CommitRevealWeightsEnabled": (params.commit_reveal, 1),
        "LiquidAlphaConsensusMode": (list(LiquidAlphaMode).index(params.liquid_alpha_mode), 1),
    }
    flags = bytes([rules.carry_dust, rules.absent_as_zero, rules.average_stake, rules.dated_weights])
    storage = {item(name, NETUID): number(value, width) for name, (value, width) in widths.items()}
    return storage | {
        item("EpochRules", NETUID): flags + number(rules.deviation_cost, 2) + number(rules.reveal_target, 2),
        item("StakeThreshold"): number(params.stake_threshold),
        item("TaoWeight"): number(params.tao_weight),
        item("RevealPeriodEpochs", NETUID, hasher=twox_64_concat): number(REVEAL_PERIOD),
        item("Yuma3On", NETUID, hasher=blake2_128_concat): number(params.yuma3, 1),
        item("LiquidAlphaOn", NETUID, hasher=blake2_128_concat): number(params.liquid_alpha, 1),
    }


def expected(case: Scenario, seen: Outlook, issuance: int) -> Storage:
    """What the epoch must leave in storage; an empty row stands for one that may be absent."""
    output, paid = seen.output, seen.distribution
    minted = paid.owner + sum(paid.neurons) + paid.pending.total - case.pots.total
    storage = {
        item("Active", NETUID): vector(output.active, 1),
        item("Consensus", NETUID): vector(output.consensus, 2),
        item("Incentive", NETUID): vector(output.incentive, 2),
        item("Dividends", NETUID): vector(output.dividends, 2),
        item("ValidatorTrust", NETUID): vector(output.validator_trust, 2),
        item("StakeWeight", NETUID): vector(output.stake_weight, 2),
        item("ValidatorPermit", NETUID): vector(output.permits, 1),
        item("Emission", NETUID): vector(output.combined_emission, 8),
        item("PendingOwnerCut", NETUID): number(paid.pending.owner),
        item("PendingServerEmission", NETUID): number(paid.pending.server),
        item("PendingValidatorEmission", NETUID): number(paid.pending.validator),
        item("TotalIssuance"): number(issuance + minted),
        item("SubnetEpochIndex", NETUID): number(EPOCH_INDEX + 1),
        item("LastEpochBlock", NETUID): number(seen.block),
        item("LastMechansimStepBlock", NETUID): number(seen.block),
    }
    if case.rules.average_stake:
        storage |= {stake_integral(hotkey(uid)): b"" for uid in range(len(case.histories))}
    if case.rules.reveal_target:
        moved = volatility(case.state.consensus, output.consensus)
        average = average_volatility(case.volatility_q32, moved)
        period = reveal_period(average, case.rules.reveal_target)
        storage[item("ConsensusVolatility", NETUID)] = number(average)
        storage[item("RevealPeriodEpochs", NETUID, hasher=twox_64_concat)] = number(period)
    for uid, row in enumerate(output.bonds):
        storage[item("Bonds", NETUID, number(uid, 2))] = stored_row(row)
        storage |= pool_after(case, seen, uid)
    return storage


def pool_after(case: Scenario, seen: Outlook, uid: int) -> Storage:
    """The pool and every holder's shares: first dividends, then what is the owner's alone."""
    paid, key = seen.distribution, hotkey(uid)
    shared, held = case.pools[uid]
    shares = dict(held)
    payments = [(coldkey(uid), paid.incentive[uid] + paid.take[uid])]
    if key == case.owner_hotkey:
        payments.append((SUBNET_OWNER, paid.owner))
    rewarded = shared.reward(paid.dividends[uid])
    if rewarded is None:
        payments.insert(0, (coldkey(uid), paid.dividends[uid]))
    shared = rewarded or shared
    for holder, amount in payments:
        shared, bought = shared.deposit(amount)
        shares[holder] = shares.get(holder, 0) + bought
    storage = {
        item("TotalHotkeyAlpha", key, NETUID, hasher=blake2_128_concat): number(shared.value),
        item("TotalHotkeyShares", key, NETUID, hasher=blake2_128_concat): number(shared.shares, 16),
    }
    for holder, count in shares.items():
        if count:
            alpha = item("Alpha", key, blake2_128_concat(holder), NETUID, hasher=blake2_128_concat)
            storage[alpha] = number(count, 16)
    return storage


@pytest.fixture(scope="module")
def aged() -> Iterator[Node]:
    """A chain whose head is at `HEAD`."""
    with Node.open("local") as node:
        node.advance(HEAD)
        yield node


def run(node: Node, case: Scenario) -> None:
    """Lets the node run the case's epoch and compares all of it."""
    balances = item_prefix("Balances", "TotalIssuance")
    node.set_storage(written(case, int.from_bytes(node.storage(balances) or b"", "little")))
    assert violated(node) is None
    issuance = int.from_bytes(node.storage(item("TotalIssuance")) or b"", "little")
    emitting = {"prices": [1], "position": 0} if case.emits else {"prices": [], "position": None}
    treasury = Treasury(
        HEAD,
        issuance,
        pots=case.pots,
        owner_cut=case.owner_cut,
        carry_dust=case.rules.carry_dust,
        **emitting,
    )
    seen = outlook(case.state, case.params, treasury, case.takes)
    node.seal()
    for key, value in expected(case, seen, issuance).items():
        found = node.storage(key)
        assert found == value or (found is None and not any(value)), f"key {key.hex()}"
    assert violated(node) is None


@pytest.mark.parametrize("seed", range(40))
def test_random_subnets(aged: Node, seed: int) -> None:
    random = Random(f"runtime {seed}")
    with aged.anchor() as node:
        run(node, scenario(random, random.choice([1, 2, 3, 5, 8, 12])))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1_000, 1_000 + SUBNETS))
def test_more_random_subnets(aged: Node, seed: int) -> None:
    random = Random(f"runtime {seed}")
    with aged.anchor() as node:
        run(node, scenario(random, random.choice([1, 2, 3, 5, 8, 12, 24])))
