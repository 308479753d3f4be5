"""One harness: Velaria and its peers behind one small interface, measured side by side."""
