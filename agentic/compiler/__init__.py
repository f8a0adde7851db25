"""Specs + project + registries -> target/agentic/manifest.json.

NOTE for CONFIG from LEAD: the compiled shapes (Compiled, CompiledAgent, CompiledGuardrails, Rule) lie in
agentic/records/compiled.py, because the room guardrails (below this one) reads them. Extend them there as
you need; keep the field names.
"""
