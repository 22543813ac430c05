"""What people mean: Rasa components (Python 3.10) and examples of acts by language."""
