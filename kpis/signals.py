"""What happened to KPIs. Receivers of `kpis_judged` write in the same transaction; the others are a mere nudge."""

from django.dispatch import Signal

# Sent inside the transaction that stored the evaluations, with the state rows of the KPIs locked in ascending order.
# kpi_ids: list[int], ascending; judged_from: dict[int, date], the first period that was judged anew;
# cause: "value", "correction" or "edit"; almanac: Almanac, as it was read for the judgement; now: datetime.
kpis_judged = Signal()

# Sent after commit: values were recorded and wait for judgement. kpi_ids: list[int].
measurements_recorded = Signal()

# Sent after commit: values of derived KPIs wait to be computed.
derivations_owed = Signal()

# Sent inside the transaction that ends a pull without applying it. pull: Pull; now: datetime.
pull_ended_badly = Signal()

# Sent inside the transaction that gave KPIs an owner, or made them active. kpi_ids: list[int].
kpis_staffed = Signal()

# Sent inside the transaction that stored a comment or explanation. commentary: Commentary; people: those it names who
# may open the KPI; now: datetime.
people_mentioned = Signal()

# Sent inside the transaction that stored values which wait for an approval. proposed: list[ProposedValue], each with
# its KPI; now: datetime.
values_proposed = Signal()
