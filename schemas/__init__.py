"""Commands, replies, tickets and errors as they stand on the wire: types and limits, no logic."""
