"""`python -m velaria.schemas [FOLDER]` writes the published JSON Schemas."""

import sys
from pathlib import Path

from velaria.schemas.publish import publish

if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference/schemas")
    for path in publish(target):
        print(path)
