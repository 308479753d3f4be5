"""Flight SQL: the protobuf messages, the metadata commands, and the table that says who answers."""
