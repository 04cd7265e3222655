"""What a subnet measures: one folder a kind."""
