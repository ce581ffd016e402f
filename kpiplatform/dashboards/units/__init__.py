"""The pages of a unit, for those who run it: how it and the units below stand."""
