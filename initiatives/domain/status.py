"""From proposed to done: which step may follow which."""

from __future__ import annotations

PROPOSED, APPROVED, RUNNING, DONE, STOPPED = "proposed", "approved", "running", "done", "stopped"
# What may follow, the expected step first.
FOLLOWING = {
    PROPOSED: (APPROVED, STOPPED),
    APPROVED: (RUNNING, STOPPED),
    RUNNING: (DONE, STOPPED),
    DONE: (),
    STOPPED: (),
}
OPEN = (PROPOSED, APPROVED, RUNNING)
UNDER_WAY = (APPROVED, RUNNING)


def may_follow(status: str, wanted: str) -> bool:
    """Return whether an initiative may go from one status to the other."""
    return wanted in FOLLOWING[status]


def may_decide(wanted: str, *, decides_for_unit: bool, is_owner: bool) -> bool:
    """Return whether a person may take the step: money is approved by who decides for the unit, never by the owner."""
    if wanted == APPROVED:
        return decides_for_unit and not is_owner
    return decides_for_unit or is_owner
