"""The verification ladder: several ways to find out what an answer was made with, behind one interface.

Rungs from the cheapest: a watermark needs no model; replay, log-probabilities, projection and top
activations share one prefill; redundancy needs another miner; a model-equality test needs many answers.
`meritnet lab verify` measures what each of them catches; docs/verification.md holds its tables.
"""
