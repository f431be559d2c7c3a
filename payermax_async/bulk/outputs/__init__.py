"""Files for people, made of what a journal knows."""
