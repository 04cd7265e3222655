"""The drawn tree of errors is the tree that exists, and each error is a line with typed fields."""

import inspect

from meritnet.chain import errors
from meritnet.chain.errors import DispatchFailed, MeritnetError, RpcError, UsageError


def drawn_tree() -> dict[str, str]:
    """Error → the error it hangs from, as the module's docstring draws it."""
    parents: dict[str, str] = {}
    stack = ["MeritnetError"]
    for row in (errors.__doc__ or "").splitlines():
        if "── " in row:
            before, after = row.split("── ", 1)
            depth = (len(before) - 4) // 4 + 1
            name = after.split()[0]
            stack = [*stack[:depth], name]
            parents[name] = stack[depth - 1]
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    classes = {
        name: kind
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, MeritnetError)
    }
    real = {name: kind.__bases__[0].__name__ for name, kind in classes.items() if kind is not MeritnetError}
    assert drawn_tree() == real


def test_usage_is_exit_code_2_and_everything_else_1() -> None:
    assert UsageError("x").exit_code == 2
    assert RpcError("x").exit_code == MeritnetError("x").exit_code == 1


def test_an_error_as_an_object_has_its_kind_its_fields_and_its_hint() -> None:
    error = DispatchFailed("SubtensorModule", "AmountTooLow", "The amount is too low.", "stake more")
    assert error.fields() == {
        "error": "SubtensorModule.AmountTooLow: The amount is too low.",
        "kind": "DispatchFailed",
        "hint": "stake more",
        "pallet": "SubtensorModule",
        "name": "AmountTooLow",
        "docs": "The amount is too low.",
    }
    assert "hint" not in RpcError("x", -32601).fields()
