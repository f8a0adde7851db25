"""What needs the real model service: `make live`, never CI."""
