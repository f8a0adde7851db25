"""What others reach over a protocol: the MCP server."""

from agentic.server.desk import Answer, Desk

__all__ = ["Answer", "Desk"]
