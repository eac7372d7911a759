"""An app of the tests: migrations as a release brings them, on a table that the city is using."""
