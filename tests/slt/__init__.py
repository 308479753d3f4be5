"""SQL records: the readable specification of what Velaria answers."""
