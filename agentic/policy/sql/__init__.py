"""The policy for one SQL statement. See `judge.py`; everything else serves it."""
