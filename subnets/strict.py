"""Messages that hold exactly what they declare: no other fields, no coercion, no infinities."""

from pydantic import BaseModel, ConfigDict, ValidationError


class Strict(BaseModel):
    """A message in exactly the declared fields and types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def first_fault(error: ValidationError) -> str:
    """One line for the first fault of a message: where, and what; never the offending value itself."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in fault["loc"])[:80]
    return f"{where}: {fault['msg']}" if where else fault["msg"]
