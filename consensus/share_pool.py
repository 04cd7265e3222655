"""Stake behind one hotkey as shares of a pool, so that dividends reach every delegator at once."""

from dataclasses import dataclass, replace

from meritnet.consensus.fixed import U64F64


@dataclass(frozen=True)
class SharePool:
    """A hotkey's pool on one subnet. Shares are U64F64 as integers: one share, 2**64, is worth one rao
    while the pool has earned nothing, and more from then on: shares never exceed one a rao.

    Nor do they fall below 2**-32 a rao. Else somebody could leave a single rao in a pool, let it earn, and so
    make a share so dear that what others pay in buys none.
    """

    value: int = 0
    """What the pool holds, in rao (`TotalHotkeyAlpha`)."""
    shares: int = 0
    """All shares of it (`TotalHotkeyShares`)."""

    def worth(self, shares: int) -> int:
        """What `shares` are worth, in rao: floor(shares × value / all shares)."""
        return min(shares * self.value // self.shares, self.value) if self.shares else 0

    def deposit(self, amount: int) -> tuple["SharePool", int]:
        """The pool after paying in `amount` rao for new shares, and those shares.

        floor(amount × all shares / value); the first staker of an empty pool gets one share a rao.
        """
        is_empty = not self.value or not self.shares
        bought = U64F64.integer(amount) if is_empty else amount * self.shares // self.value
        return SharePool(self.value + amount, self.shares + bought), bought

    def withdraw(self, amount: int, shares: int) -> tuple["SharePool", int] | None:
        """The pool after paying out `amount` rao against some of `shares`, and the shares that remain;
        None if they are worth less.

        Rounding favours the pool; whoever takes everything gives all its shares.
        """
        if amount == 0:
            return self, shares
        worth = self.worth(shares)
        if amount > worth:
            return None
        sold = shares if amount == worth else min(-(-amount * self.shares // self.value), shares)
        return SharePool(self.value - amount, self.shares - sold), shares - sold

    def reward(self, amount: int) -> "SharePool | None":
        """The pool after a payment to all holders alike; None if there is nobody in it, or so little that a
        share would become too dear."""
        after = replace(self, value=self.value + amount)
        return after if self.shares and after.value << 32 <= self.shares else None
