"""Which adapters this kind of subnet admits. Importing this loads no torch."""

from meritnet.subnets.models.forms import Limits

LIMITS = Limits(
    max_rank=16,
    targets=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    dora=True,
)
