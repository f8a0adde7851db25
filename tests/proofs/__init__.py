"""The long proofs: `python -m tests.proofs`, or `make proofs`."""
