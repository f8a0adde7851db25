"""The command line: one file a command, options declared once, rooms imported late."""
