"""Writing initiatives: the work itself, its milestones, what it promises and what may go wrong."""
