"""What is true: facts, articles and questions; and finding the right article."""
