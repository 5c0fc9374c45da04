"""A page to make songs and hear them, by FastAPI with any number of workers."""
