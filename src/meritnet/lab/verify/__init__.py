"""``meritnet lab verify``: what each method of the verification ladder catches, and what it costs.

`servings` makes answers, honest and not; `detection` fits thresholds and counts alarms; `cost`, `quality` and
`equality` measure the rest; `study` holds the results and `page` writes docs/verification.md.
"""
