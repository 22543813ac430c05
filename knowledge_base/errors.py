"""What goes wrong with the files of the knowledge base."""


class ContentError(Exception):
    """A file is broken; the text gives file, line and reason."""
