"""How messages come and go: gateway, worker, renderer, one module a channel."""
