"""`python -m velaria.flight_server.actions [FILE]` writes the reference page of all actions."""

import sys
from pathlib import Path

from velaria.flight_server.actions.reference import page

if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference/actions.md")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(), encoding="utf-8")
    print(target)
