"""What every test starts from."""

from __future__ import annotations

import os

# Before Django reads its settings: a test never runs as a production installation.
os.environ.setdefault("KPI_ENV", "test")
