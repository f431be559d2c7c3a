"""Orders from files of people: what is read of them, and what is wrong with it."""
