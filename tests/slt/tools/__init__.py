"""Tools of the people who write records."""
