"""Models of the user's own: objects, Python files, folders with a small declared layout. Files are read and never imported."""
