"""Whatever is paid in and out, holders never own more than the pool has, and lose at most dust."""

from hypothesis import given, settings
from hypothesis import strategies as st

from meritnet.consensus.share_pool import SharePool

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["deposit", "withdraw", "everything", "reward"]),
        st.integers(0, 2),
        st.integers(0, 10**15),
    ),
    max_size=30,
)


@settings(max_examples=300)
@given(STEPS)
def test_a_history_of_payments(steps: list[tuple[str, int, int]]) -> None:
    pool, held = SharePool(), [0, 0, 0]
    for step, who, amount in steps:
        worth, value = pool.worth(held[who]), pool.value
        if step == "deposit":
            pool, bought = pool.deposit(amount)
            held[who] += bought
            assert pool.value == value + amount
            assert pool.worth(held[who]) >= worth + amount - 1
        elif step == "reward":
            pool = pool.reward(amount) or pool
            assert pool.worth(held[who]) >= worth
        else:
            amount = worth if step == "everything" else amount
            paid = pool.withdraw(amount, held[who])
            assert (paid is None) == (amount > worth)
            if paid is not None:
                pool, held[who] = paid
                assert pool.value == value - amount
                assert worth - amount - 1 <= pool.worth(held[who]) <= worth - amount
        assert pool.shares == sum(held)
        assert sum(map(pool.worth, held)) <= pool.value
        assert pool.shares <= (pool.value + 1) << 64


def test_the_last_holder_takes_everything() -> None:
    pool, first = SharePool().deposit(5)
    pool, second = pool.deposit(7)
    pool = pool.reward(4) or pool
    left = pool.withdraw(pool.worth(first), first)
    assert left is not None
    pool, gone = left
    assert gone == 0
    assert pool.worth(second) == pool.value
    assert pool.withdraw(pool.value, second) == (SharePool(), 0)


def test_an_empty_pool_pays_nobody() -> None:
    assert SharePool().reward(1) is None
    assert SharePool().worth(1) == 0
    assert SharePool(5, 5 << 64).withdraw(0, 1 << 64) == (SharePool(5, 5 << 64), 1 << 64)


def test_a_pool_cannot_be_made_so_dear_that_others_pay_in_for_nothing() -> None:
    """Who lets a rao earn, leaves a rao, and again: the next to pay in still gets what it paid."""
    pool, attacker = SharePool().deposit(1)
    for _ in range(10):
        rewarded = pool.reward(10**10)
        if rewarded is None:  # the payment goes to the hotkey's owner instead, at the present price
            break
        left = rewarded.withdraw(rewarded.worth(attacker) - 1, attacker)
        assert left is not None
        pool, attacker = left
    else:
        raise AssertionError("a share became dearer and dearer")
    for paid in (1, 2, 10**9):
        after, bought = pool.deposit(paid)
        assert after.worth(bought) >= paid - 1
