"""Brings a checked city into the database: a module a table, each touching only rows that differ."""
