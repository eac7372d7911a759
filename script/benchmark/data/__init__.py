"""Made-up requests of a real city: skewed as a city's are, the same for the same seed, written by COPY."""
