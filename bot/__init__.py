"""What the assistant does: Rasa domain, rules, responses, tracker store (Python 3.10)."""
