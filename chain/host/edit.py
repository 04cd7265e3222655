"""Changing a trie without touching the versions of it that others hold."""

from meritnet.chain.host.node import Node, Value


class Edit:
    """A series of changes that shares the copies it makes: a node is copied at most once.

    The copies carry a mark and not the edit, which would keep all of a version alive for one node of it.
    """

    __slots__ = ("_mark", "root")

    def __init__(self, root: Node | None) -> None:
        self.root = root
        self._mark = object()

    def _own(self, node: Node) -> Node:
        """``node`` itself when this edit made it, otherwise a copy that this edit may write to."""
        if node.owner is self._mark:
            return node
        children = dict(node.children) if node.children else None
        return Node(node.partial, node.value, children, self._mark)

    def _hang(self, parent: Node | None, digit: str, node: Node) -> None:
        """Put ``node`` below ``parent`` (owned), or at the root."""
        if parent is None:
            self.root = node
        else:
            assert parent.children is not None
            parent.children[digit] = node

    def put(self, digits: str, value: Value) -> None:
        """Set the key with these hexadecimal digits."""
        parent, taken = None, ""
        node = self.root
        while node is not None:
            partial = node.partial
            if not digits.startswith(partial):
                self._hang(parent, taken, self._split(node, digits, value))
                return
            node = self._own(node)
            self._hang(parent, taken, node)
            digits = digits[len(partial) :]
            if not digits:
                node.value = value
                return
            if node.children is None:
                node.children = {}
            parent, taken, digits = node, digits[0], digits[1:]
            node = node.children.get(taken)
        self._hang(parent, taken, Node(digits, value, None, self._mark))

    def _split(self, node: Node, digits: str, value: Value) -> Node:
        """A branch where ``digits`` part from the partial key of ``node``, which comes below it."""
        partial = node.partial
        common = _common_digits(partial, digits)
        lower = self._own(node)
        lower.partial = partial[common + 1 :]
        branch = Node(partial[:common], None, {partial[common]: lower}, self._mark)
        if common == len(digits):
            branch.value = value
        else:
            self._hang(branch, digits[common], Node(digits[common + 1 :], value, None, self._mark))
        return branch

    def delete(self, digits: str) -> None:
        """Remove the key with these hexadecimal digits, if it is there."""
        trail: list[tuple[Node, str]] = []
        node = self.root
        while node is not None and digits.startswith(node.partial):
            digits = digits[len(node.partial) :]
            if not digits:
                if node.value is not None:
                    self._remove(node, trail)
                return
            trail.append((node, digits[0]))
            node = node.children.get(digits[0]) if node.children else None
            digits = digits[1:]

    def _remove(self, node: Node, trail: list[tuple[Node, str]]) -> None:
        """Take the value out of ``node``, to which ``trail`` leads from the root, and close the gap."""
        above: tuple[Node | None, str] = (None, "")
        place = above
        for passed, digit in trail:
            owned = self._own(passed)
            self._hang(*place, owned)
            above, place = place, (owned, digit)
        parent, taken = place
        if node.children:
            bare = self._own(node)
            bare.value = None
            self._hang(parent, taken, self._joined(bare))
        elif parent is None:
            self.root = None
        else:
            assert parent.children is not None
            del parent.children[taken]
            self._hang(*above, self._joined(parent))

    def _joined(self, node: Node) -> Node:
        """``node`` (owned), or its only child, with a longer partial key, when nothing else is left of it."""
        if node.value is not None or not node.children:
            node.children = node.children or None
            return node
        if len(node.children) > 1:
            return node
        ((digit, only),) = node.children.items()
        child = self._own(only)
        child.partial = node.partial + digit + child.partial
        return child


def _common_digits(one: str, other: str) -> int:
    """How many digits the two begin with alike."""
    for index, (ours, theirs) in enumerate(zip(one, other, strict=False)):
        if ours != theirs:
            return index
    return min(len(one), len(other))
