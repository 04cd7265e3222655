"""Where a rule of incentive is attacked before it is adopted: experiments on the specification and the chain.

One module an experiment. Each has frozen `Options`, a function `run` of them, and a frozen result that names
its seed and repeats and shows itself as tables, as JSON and, where a picture says more, as a `Picture`.
"""
