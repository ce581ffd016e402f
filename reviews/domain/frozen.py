"""What makes a frozen record provable: one way to write it down, and the hash of that."""

import json
from hashlib import sha256
from typing import Any


def canonical(content: dict[str, Any]) -> bytes:
    """Return the one way to write `content`: sorted keys, no spaces, UTF-8. It holds texts and whole numbers only."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def fingerprint(content: dict[str, Any]) -> str:
    """Return the SHA-256 of the canonical bytes, as `sha256sum` prints it for a file of them."""
    return sha256(canonical(content)).hexdigest()
