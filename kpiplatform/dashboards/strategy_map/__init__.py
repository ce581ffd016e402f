"""The strategy map: objectives by perspective, and what is believed to cause what."""
