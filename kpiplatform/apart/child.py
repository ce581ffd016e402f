"""A process that works on what strangers wrote: `python -I child.py FILE`, asked on its standard input.

FILE is a module with `answer(request, content, send)`. The process knows nothing of the installation, only what it is
asked. Its memory, processor time and the size of its files are bounded before it looks at anything, its time on the
clock by whoever started it. What it answers is read by `asking.py`: frames of plain data, since a process that works on
what strangers wrote is not trusted either.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")
# What no text of the database can hold is left out here, halves of characters become question marks.
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
CHECKOUT = Path(__file__).resolve().parents[2]


def main(file: str) -> None:
    """Answer one request and end."""
    size = LENGTH.unpack(sys.stdin.buffer.read(LENGTH.size))[0]
    request = json.loads(sys.stdin.buffer.read(size))
    bound(**request.pop("bounds"))
    # Whatever else writes to the standard output must not come between the frames.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    send = partial(write, answers)
    try:
        module(file).answer(request, sys.stdin.buffer, send)
    except MemoryError:
        send({"stopped": "memory"})
    else:
        send({"done": True})
    answers.close()


def module(file: str) -> Any:
    """Return the module in a file; it may import from the checkout."""
    sys.path.append(str(CHECKOUT))
    spec = spec_from_file_location("work", file)
    assert spec is not None
    assert spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def bound(*, memory: int, seconds: float, size: int) -> None:
    """Give this process the memory, processor time and file size that it may have, and no more."""
    most_seconds = int(seconds) + 1
    for what, most in {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: most_seconds,
        resource.RLIMIT_FSIZE: size,
        resource.RLIMIT_CORE: 0,
    }.items():
        if what == resource.RLIMIT_AS and sys.platform == "darwin":
            continue  # the kernel of macOS refuses it
        hard = resource.getrlimit(what)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (soft, soft))
    # If nobody is there any more to kill it.
    signal.alarm(most_seconds + 5)


def write(answers: BinaryIO, head: Mapping[str, Any], *parts: bytes) -> None:
    """Write one frame."""
    words = json.dumps({**head, "sizes": [len(part) for part in parts]}, ensure_ascii=False)
    text = NUL.sub(r"\1", words).encode("utf-8", "replace")
    answers.write(LENGTH.pack(len(text)) + text)
    for part in parts:
        answers.write(part)
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
