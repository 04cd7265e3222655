"""The validator: ask, score, weigh, commit and reveal."""
