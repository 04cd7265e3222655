"""The page docs/verification.md, written from a run."""

from __future__ import annotations

from meritnet.lab.report import markdown
from meritnet.lab.verify.study import Options, Verification

INTRODUCTION = """# The verification ladder, measured

Made by `{command}`; do not edit.
The declared model is {model}, in float32 on processors; miners and checker run on one machine, so honest
noise is what batches, threads and prefill make of the same sums, and the rounding of the evidence. Other
hardware rounds differently and needs a run of its own.

{meaning}

**Thresholds** are fitted to {prompts} honest answers (in batches of eight, a quarter of them one by one as
well) for {false_alarms:.1%} false alarms: the quantile of split conformal prediction, doubled, and never
below what the method resolves (`subnets/models/verification/thresholds.py`). With n honest windows nothing
below 1 / (n + 1) can be guaranteed; what is stands in a table. **False alarms** are counted on as many other
requests, answered in batches of eight on two threads, and again in batches of three on one. **Windows** are
runs of so many tokens, of as many answers (of up to {tokens} tokens) as they fill; top activations come in
chunks of 32. A dash says that there were too few tokens, or, in the first table, that the method does not
surely see the cheat.

**Evidence.** Cheats hand in what they decoded with. Cached, relayed, copied, cut short and forged answers
come with the activations of a true prefill by the declared model: the most that a cheat can do, at the price
of a check. "Smaller model" is half of the declared one's layers, because no second model comes with a
package. "Published TOPLOC" is the evidence of "top activations" under that paper's thresholds, fitted to
nothing.

**Quality.** Surprise says by how many standard deviations an answer is less likely than the model's own
answers; relevance, how many nats a token the prompt adds to its likelihood over a prompt that says nothing.
"Beyond" is the share of answers that surprise more, or are less relevant, than every honest one.
"""


def page(found: Verification, options: Options) -> str:
    """The whole page."""
    introduction = INTRODUCTION.format(
        command=command(options),
        model=found.model,
        meaning=found.meaning,
        prompts=found.prompts,
        tokens=found.tokens,
        false_alarms=found.false_alarms,
    )
    return introduction + "".join(f"\n{markdown(table)}" for table in found.tables())


def command(options: Options) -> str:
    """What writes the page."""
    named = f" --model {options.model}" if options.model else ""
    return (
        f"meritnet lab verify --seed {options.seed} --prompts {options.prompts} --tokens {options.tokens} "
        f"--false-alarms {options.false_alarms:g}{named} --page docs/verification.md"
    )
