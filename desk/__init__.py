"""The desk: human advisors pick up where a text is not enough."""
