"""Strategy: who we are organised as, what we want, and how the wants hang together."""

from objectives.models.objective import CausalLink, ManualScore, Objective, ObjectiveState, ObjectiveWeight
from objectives.models.strategy import Perspective, StrategyPlan, Theme
from objectives.models.unit import Organisation, Role, RoleAssignment, Unit

__all__ = [
    "CausalLink",
    "ManualScore",
    "Objective",
    "ObjectiveState",
    "ObjectiveWeight",
    "Organisation",
    "Perspective",
    "Role",
    "RoleAssignment",
    "StrategyPlan",
    "Theme",
    "Unit",
]
