"""Who calls, and what they may do: tokens, passwords, JWT and certificates become a Principal, and
one module, permissions, decides what a Principal may do."""
