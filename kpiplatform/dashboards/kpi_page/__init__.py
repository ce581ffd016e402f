"""The page of one KPI: its values, what judges them, who answers for them and what is being done."""
