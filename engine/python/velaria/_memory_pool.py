"""Chooses Arrow's allocator; imported before pyarrow, which reads the choice when it loads.

Arrow's default, mimalloc, takes huge pages for buffers that live long: a DoPut of 240 MB cost 0.9
CPU seconds in it and 0.3 in jemalloc, and no query was faster for it. Whoever sets the variable
decides.
"""

import os

os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
